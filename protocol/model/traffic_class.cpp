#include "protocol/model/traffic_class.hpp"

#include "protocol/model/enum_names.hpp"

namespace fleetgate::model {
namespace {

constexpr std::array<std::string_view, traffic_class_count> class_names{"control", "heartbeat",
                                                                        "event", "telemetry"};
constexpr std::array<std::string_view, 4> level_names{"none", "received", "durable", "committed"};
constexpr std::array<std::string_view, lane_count> lane_names{
    "control",        "heartbeat",  "event",          "telemetry", "control-free",
    "heartbeat-free", "event-free", "telemetry-free", "quarantine"};

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
  return find_by_name<traffic_class>(class_names, s);
}
std::optional<ack_level> parse_ack_level(std::string_view s) noexcept {
  return find_by_name<ack_level>(level_names, s);
}

}  // namespace fleetgate::model
