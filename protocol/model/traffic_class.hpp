// The four traffic classes, the acknowledgement levels and the lanes that follow from them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fleetgate::model {

/// Highest priority first.
enum class traffic_class : std::uint8_t { control, heartbeat, event, telemetry };

inline constexpr std::size_t traffic_class_count = 4;
inline constexpr std::array<traffic_class, traffic_class_count> all_traffic_classes{
    traffic_class::control, traffic_class::heartbeat, traffic_class::event,
    traffic_class::telemetry};

/// What an acknowledgement means (docs/ARCHITECTURE.md, Acknowledgements).
enum class ack_level : std::uint8_t {
  none,       // nothing is owed (QoS 0)
  received,   // taken into memory; a crash may lose it, always counted
  durable,    // on this node's disk, fdatasynced
  committed,  // every required sink has it
};

std::string_view to_string(traffic_class c) noexcept;
std::string_view to_string(ack_level l) noexcept;
std::optional<traffic_class> parse_traffic_class(std::string_view s) noexcept;
std::optional<ack_level> parse_ack_level(std::string_view s) noexcept;

/// Records that are owed an acknowledgement and those that are not lie in separate segments, so
/// that the second can be shed without touching the first. Quarantine has a lane of its own.
enum class lane : std::uint8_t {
  control_owed,
  heartbeat_owed,
  event_owed,
  telemetry_owed,
  control_free,
  heartbeat_free,
  event_free,
  telemetry_free,
  quarantine,
};

inline constexpr std::size_t lane_count = 9;
inline constexpr std::size_t index(lane l) noexcept {
  return static_cast<std::size_t>(l);
}
inline constexpr std::size_t index(traffic_class c) noexcept {
  return static_cast<std::size_t>(c);
}

/// Levels `durable` and `committed` are promises; `none` and `received` are not.
inline constexpr lane lane_of(traffic_class c, ack_level l) noexcept {
  const bool owed = l == ack_level::durable || l == ack_level::committed;
  return static_cast<lane>(index(c) + (owed ? 0 : traffic_class_count));
}
inline constexpr bool is_owed(lane l) noexcept {
  return index(l) < traffic_class_count || l == lane::quarantine;
}

/// What is kept going when the rest has to wait.
inline constexpr bool is_urgent(traffic_class c) noexcept {
  return c == traffic_class::control || c == traffic_class::heartbeat;
}
inline constexpr bool is_urgent(lane l) noexcept {
  return l != lane::quarantine && is_urgent(all_traffic_classes[index(l) % traffic_class_count]);
}

/// Directory and label name: "control", ..., "telemetry", "control-free", ..., "quarantine".
std::string_view to_string(lane l) noexcept;

}  // namespace fleetgate::model
