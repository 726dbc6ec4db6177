#include "actors/node/config_capacity.hpp"

#include "actors/node/config_value.hpp"
#include "actors/node/topic_presets.hpp"
#include "actors/runtime/memory_budget.hpp"
#include "actors/spool/spool.hpp"
#include "protocol/model/envelope.hpp"

namespace fleetgate::node {
namespace {

/// Topic, device id and client id of a message, in memory as on disk.
constexpr std::uint64_t names_bytes = 96;
/// What a spool record adds to payload and names.
constexpr std::uint64_t record_header_bytes = 128;

/// "1,234,567".
std::string grouped(std::uint64_t n) {
  const std::string digits = std::to_string(n);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string count(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string holds(std::uint64_t bytes, std::uint64_t messages, std::uint64_t seconds,
                  const typical_load& load, const std::string& of_what) {
  return format_size(bytes) + ": about " + grouped(messages) + " messages of " +
         std::to_string(load.payload_bytes) + " bytes, " + grouped(seconds) + " s of " + of_what +
         " at " + grouped(load.messages_per_second) + " messages a second\n";
}

template <class List, class Line>
std::string lines(std::string_view label, const List& list, Line&& line) {
  std::string out;
  for (const auto& entry : list) {
    out += std::string(label) + entry.name + ": " + line(entry) + "\n";
  }
  return out;
}

}  // namespace

config_capacity capacity_of(const config& c, const typical_load& load) {
  const runtime::memory_budget budget(c.memory.budget);
  const std::uint64_t in_memory = load.payload_bytes + names_bytes + sizeof(model::envelope);
  const std::uint64_t on_disk = load.payload_bytes + names_bytes + record_header_bytes;
  config_capacity out;
  out.memory_messages = budget.limit_for(model::traffic_class::telemetry) / in_memory;
  out.memory_seconds = out.memory_messages / load.messages_per_second;
  out.spool_messages =
      spool::spool::shares_of(c.spool.budget).limit_for(model::traffic_class::telemetry) / on_disk;
  out.spool_seconds = out.spool_messages / load.messages_per_second;
  return out;
}

std::string summary(const config& c) {
  const typical_load load;
  const config_capacity holds_about = capacity_of(c, load);
  std::string out =
      "  node      " + c.node.name + " at " + c.node.site + ", data in " + c.node.data_dir + "\n";
  out += lines("  listener  ", c.listeners, [](const listener_config& l) {
    return std::string(to_string(l.protocol)) + " on " + to_string(l.bind) +
           (is_loopback(l.bind) ? " (this machine only)" : " (no credentials asked)");
  });
  out += lines("  sink      ", c.sinks, [](const sink_config& s) {
    return std::string(to_string(s.type)) + " in " + s.path + (s.required ? "" : ", not required");
  });
  if (c.sinks.empty()) out += "  sink      none: messages stay in the spool until one is added\n";
  out += "  rules     " + count(topics_in_force(c).size(), "topic rule") + ", " +
         count(c.devices.size(), "device rule") + "\n";
  out += "  memory    " + holds(c.memory.budget, holds_about.memory_messages,
                                holds_about.memory_seconds, load, "a burst");
  out += "  spool     " + holds(c.spool.budget, holds_about.spool_messages,
                                holds_about.spool_seconds, load, "an outage");
  return out + "  admin     http://" + to_string(c.admin.bind) + "\n";
}

}  // namespace fleetgate::node
