#include "deploy/fleetsim/fleet_identity.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/mqtt/topic.hpp"

namespace fleetgate::fleetsim {
namespace {

constexpr std::size_t longest_name = 200;
constexpr std::size_t longest_topic = 200;  // filled in it stays far below MQTT's 65,535
constexpr std::size_t most_topics = 50;
constexpr std::string_view number_sign = "{i}";

/// `pattern` with each `name` replaced by `value`.
std::string filled_in(std::string pattern, std::string_view name, std::string_view value) {
  for (std::size_t at = 0; (at = pattern.find(name, at)) != std::string::npos; at += value.size()) {
    pattern.replace(at, name.size(), value);
  }
  return pattern;
}

bool is_plain(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-_.:{}").find(c) != std::string_view::npos;
}

bool is_device_pattern(std::string_view name) noexcept {
  const auto place = name.find(number_sign);
  const bool once = place != std::string_view::npos &&
                    name.find(number_sign, place + 1) == std::string_view::npos;
  return once && name.size() <= longest_name && std::all_of(name.begin(), name.end(), is_plain);
}

}  // namespace

std::string fleet_identity::device_name(std::uint32_t number) const {
  return filled_in(device, "{i}", std::to_string(number));
}

std::string fleet_identity::topic_name(std::size_t topic, std::uint32_t number) const {
  return filled_in(filled_in(topics[topic], "{i}", std::to_string(number)), "{device}",
                   device_name(number));
}

std::optional<std::uint32_t> fleet_identity::device_number(std::string_view name) const {
  const std::size_t before = std::min(device.find("{i}"), device.size());
  if (name.size() <= before) return std::nullopt;
  std::uint32_t number = 0;
  const char* const end = name.data() + name.size();
  if (std::from_chars(name.data() + before, end, number).ec != std::errc{}) return std::nullopt;
  // Written back it must be the same: "sim-07" and "sim-7x" are somebody else's.
  if (device_name(number) != name) return std::nullopt;
  return number;
}

std::optional<std::string> complaint_about(const fleet_identity& fleet) {
  if (!is_device_pattern(fleet.device)) {
    return "--device " + fleet.device +
           ": {i} once, and letters, digits, - _ . : (at most 200), as in sim-{i}";
  }
  if (fleet.topics.empty() || fleet.topics.size() > most_topics) {
    return "--topic: 1 to " + std::to_string(most_topics) + " of them";
  }
  for (std::size_t t = 0; t < fleet.topics.size(); ++t) {
    if (fleet.topics[t].size() > longest_topic || !mqtt::is_topic_name(fleet.topic_name(t, 0))) {
      return "--topic " + fleet.topics[t] +
             ": not a topic to publish to (no + or #, at most 200 bytes), as in "
             "devices/{device}/telemetry";
    }
  }
  return std::nullopt;
}

}  // namespace fleetgate::fleetsim
