#include "actors/node/config.hpp"

#include <array>

namespace fleetgate::node {
namespace {

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum v) noexcept {
  return names[static_cast<std::size_t>(v)];
}

constexpr std::array<std::string_view, 3> protocol_names{"mqtt", "native", "http"};
constexpr std::array<std::string_view, 1> sink_names{"sqlite"};
constexpr std::array<std::string_view, 5> preset_names{"aws", "azure", "sparkplug", "homie",
                                                       "plain"};
constexpr std::array<std::string_view, 3> priority_names{"low", "normal", "high"};
constexpr std::array<std::string_view, 5> level_names{"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 3> format_names{"auto", "logfmt", "json"};

}  // namespace

std::string spool_directory(const config& c) {
  return c.node.data_dir + "/spool";
}
std::string state_path(const config& c) {
  return c.node.data_dir + "/state.db";
}

model::topic_rule_spec rule_spec(const topic_config& t) {
  model::topic_rule_spec spec;
  spec.match = t.match;
  spec.cls = t.cls;
  spec.level = t.ack;
  spec.format = t.format;
  spec.schema = t.schema;
  spec.sequence = t.sequence;
  spec.scope = t.scope;
  spec.epoch = t.epoch;
  spec.device_time = t.device_time;
  return spec;
}

std::string_view to_string(listener_protocol v) noexcept {
  return name_of(protocol_names, v);
}
std::string_view to_string(sink_type v) noexcept {
  return name_of(sink_names, v);
}
std::string_view to_string(topic_preset v) noexcept {
  return name_of(preset_names, v);
}
std::string_view to_string(device_priority v) noexcept {
  return name_of(priority_names, v);
}
std::string_view to_string(log_level v) noexcept {
  return name_of(level_names, v);
}
std::string_view to_string(log_format v) noexcept {
  return name_of(format_names, v);
}

}  // namespace fleetgate::node
