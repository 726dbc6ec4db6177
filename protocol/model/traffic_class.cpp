#include "protocol/model/traffic_class.hpp"

namespace fleetgate::model {
namespace {

constexpr std::array<std::string_view, traffic_class_count> class_names{"control", "heartbeat",
                                                                        "event", "telemetry"};
constexpr std::array<std::string_view, 4> level_names{"none", "received", "durable", "committed"};
constexpr std::array<std::string_view, lane_count> lane_names{
    "control",        "heartbeat",  "event",          "telemetry", "control-free",
    "heartbeat-free", "event-free", "telemetry-free", "quarantine"};

template <class Enum, std::size_t N>
std::optional<Enum> find_in(const std::array<std::string_view, N>& names, std::string_view s) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == s) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(traffic_class c) noexcept {
  return class_names[index(c)];
}
std::string_view to_string(ack_level l) noexcept {
  return level_names[static_cast<std::size_t>(l)];
}
std::string_view to_string(lane l) noexcept {
  return lane_names[index(l)];
}

std::optional<traffic_class> parse_traffic_class(std::string_view s) noexcept {
  return find_in<traffic_class>(class_names, s);
}
std::optional<ack_level> parse_ack_level(std::string_view s) noexcept {
  return find_in<ack_level>(level_names, s);
}

}  // namespace fleetgate::model
