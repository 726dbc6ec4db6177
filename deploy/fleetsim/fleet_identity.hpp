// Which fleet it is: what its devices are called, where they publish, and what decides what they
// say. Pure. Kept in the head of a log, so that a later process can go on as the same fleet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fleetgate::fleetsim {

/// What must be the same for a later process to go on, and for `verify` to read a table.
struct fleet_identity {
  std::uint64_t seed = 0;
  std::uint32_t first_boot = 1;
  std::string device = "sim-{i}";  // {i}: the device's number
  std::vector<std::string> topics{"devices/{device}/telemetry"};
  std::size_t payload_bytes = 256;

  bool operator==(const fleet_identity&) const noexcept = default;

  [[nodiscard]] std::string device_name(std::uint32_t number) const;
  /// The number of the device of that name; nothing where it is not one of this fleet.
  [[nodiscard]] std::optional<std::uint32_t> device_number(std::string_view name) const;
  /// The topic that a message goes to: a device takes them in turn.
  [[nodiscard]] std::size_t topic_of(std::uint64_t sequence) const noexcept {
    return static_cast<std::size_t>(sequence % topics.size());
  }
  [[nodiscard]] std::string topic_name(std::size_t topic, std::uint32_t device_number) const;
};

/// What is wrong with the names, and how they should be; nothing where they are good. Names from a
/// command line or a file are not used before.
std::optional<std::string> complaint_about(const fleet_identity& fleet);

}  // namespace fleetgate::fleetsim
