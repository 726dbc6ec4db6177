// The configuration of `fleetgate dev`: everything on loopback, one MQTT listener, one SQLite sink,
// topic rules for the plain preset `devices/{device}/{stream}`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/node/config.hpp"

namespace fleetgate::node {

struct dev_options {
  std::string data_dir = "./fleetgate-data";
  std::uint16_t mqtt_port = 1883;   // 0: the system chooses
  std::uint16_t admin_port = 9600;  // 0: the system chooses
};

config dev_config(const dev_options& options);

/// Topic rules of the plain preset, most particular first; the last one takes every topic.
std::vector<topic_config> plain_topics();

}  // namespace fleetgate::node
