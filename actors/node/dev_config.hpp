// The configuration of `fleetgate dev`: everything on loopback, one MQTT listener and where
// it is asked for a native one, one SQLite sink,
// the plain topic preset `devices/{device}/{stream}`. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/node/config.hpp"

namespace fleetgate::node {

struct dev_options {
  std::string data_dir = "./fleetgate-data";
  std::uint16_t mqtt_port = 1883;            // 0: the system chooses
  std::uint16_t admin_port = 9600;           // 0: the system chooses
  std::optional<std::uint16_t> native_port;  // nothing: not served; 0: the system chooses
};

config dev_config(const dev_options& options);

}  // namespace fleetgate::node
