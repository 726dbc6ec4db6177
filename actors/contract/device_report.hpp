// What a shard says of the clients that are connected to it, when it is asked. Plain values. Limit:
// what the asker asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/model/ids.hpp"

namespace fleetgate::contract {

struct connected_device {
  std::string client_id;
  std::string listener;
  std::string peer;                    // "10.0.0.7:51234"
  std::string protocol;                // "MQTT 5.0"
  std::int64_t connected_time_ns = 0;  // Unix time
  std::uint32_t session_expiry_s = 0;  // 0xFFFFFFFF: never
  std::uint64_t unacknowledged_bytes = 0;
  bool withheld = false;  // it is not read from, for something it sent waits for room
};

/// Some of a shard's clients, by slot.
struct device_slice {
  std::vector<connected_device> devices;
  std::optional<std::uint32_t> next_slot;  // where to go on; nothing: that was all
};

}  // namespace fleetgate::contract
