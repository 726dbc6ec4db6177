#include "actors/node/topic_presets.hpp"

#include <set>
#include <string_view>

namespace fleetgate::node {
namespace {

using model::payload_format;
using model::sequence_scope;
using model::traffic_class;

constexpr auto control = traffic_class::control;
constexpr auto heartbeat = traffic_class::heartbeat;
constexpr auto event = traffic_class::event;
constexpr auto telemetry = traffic_class::telemetry;

using rules = std::vector<topic_config>;

topic_config rule(std::string_view match, traffic_class cls) {
  topic_config t;
  t.match = match;
  t.cls = cls;
  // Without knowing how a device counts, this is the side to err on: a device that has one counter
  // for all its topics leaves gaps, one counter for each would look like duplicates.
  t.scope = sequence_scope::topic;
  return t;
}

/// "Designing MQTT Topics for AWS IoT Core": dt/application/context/thing/type and cmd/ alike.
/// Where the context has more levels nobody can tell which one is the thing, so the client id is.
rules aws() {
  return {
      rule("dt/{tenant}/+/{device}/{stream}", telemetry),
      rule("dt/{tenant}/#", telemetry),
      rule("cmd/{tenant}/+/{device}/{stream}", control),
      rule("cmd/{tenant}/#", control),
      rule("$aws/things/{device}/jobs/#", control),
      rule("$aws/things/{device}/shadow/#", event),
      rule("$aws/things/{device}/#", event),
      rule("$aws/#", telemetry),
  };
}

/// IoT Hub: what stands behind events/ is a bag of properties, different in each message, and so no
/// part of whose counter it is.
rules azure() {
  topic_config events = rule("devices/{device}/messages/events/#", telemetry);
  events.scope = sequence_scope::device;
  return {
      events,
      rule("devices/{device}/modules/{stream}/messages/events/#", telemetry),
      rule("$iothub/methods/#", control),
      rule("$iothub/twin/#", event),
      rule("$iothub/#", event),
  };
}

/// Sparkplug 3.0 chapter 4: spBv1.0/group/type/node[/device]. Payloads are Protocol Buffers, which
/// nobody here decodes; STATE is JSON.
rules sparkplug() {
  rules made{rule("spBv1.0/STATE/{device}", heartbeat)};
  const auto add = [&](std::string_view type, traffic_class cls) {
    const bool of_node = type.front() == 'N';
    made.push_back(
        rule("spBv1.0/{tenant}/" + std::string(type) + (of_node ? "" : "/+") + "/{device}", cls));
    made.back().format = payload_format::raw;
  };
  for (const auto type : {"NBIRTH", "DBIRTH", "NDEATH", "DDEATH"}) add(type, event);
  for (const auto type : {"NDATA", "DDATA"}) add(type, telemetry);
  for (const auto type : {"NCMD", "DCMD"}) add(type, control);
  return made;
}

/// Homie 5: homie/5/device/node/property, attributes begin with `$`.
rules homie() {
  return {
      rule("homie/5/$broadcast/#", control),        rule("homie/5/{device}/$state", heartbeat),
      rule("homie/5/{device}/$description", event), rule("homie/5/{device}/$log/#", event),
      rule("homie/5/{device}/$alert/#", event),     rule("homie/5/{device}/+/+/set", control),
      rule("homie/5/{device}/#", telemetry),
  };
}

rules plain() {
  return {
      rule("devices/{device}/control/#", control),   rule("devices/{device}/status", heartbeat),
      rule("devices/{device}/heartbeat", heartbeat), rule("devices/{device}/events/#", event),
      rule("devices/{device}/{stream}", telemetry),  rule("devices/{device}/#", telemetry),
  };
}

rules rules_of(topic_preset p) {
  switch (p) {
    case topic_preset::aws:
      return aws();
    case topic_preset::azure:
      return azure();
    case topic_preset::sparkplug:
      return sparkplug();
    case topic_preset::homie:
      return homie();
    case topic_preset::plain:
      return plain();
  }
  return {};
}

}  // namespace

std::vector<topic_config> preset_topics(const std::vector<topic_preset>& presets) {
  std::vector<topic_config> made;
  for (const topic_preset p : std::set<topic_preset>(presets.begin(), presets.end())) {
    for (topic_config& t : rules_of(p)) made.push_back(std::move(t));
  }
  if (!made.empty()) made.push_back(rule("#", telemetry));
  return made;
}

std::vector<std::string> command_topics(const std::vector<topic_preset>& presets) {
  std::vector<std::string> topics;
  for (const auto p : presets) {
    switch (p) {
      case topic_preset::aws:
        topics.emplace_back("$aws/commands/things/{device}/executions/{command}/request/json");
        break;
      case topic_preset::azure:
        topics.emplace_back("devices/{device}/messages/devicebound/%24.mid={command}&name={name}");
        break;
      case topic_preset::sparkplug:  // theirs are payloads of another kind
      case topic_preset::homie:
      case topic_preset::plain:
        break;
    }
  }
  topics.emplace_back("devices/{device}/commands/{name}/{command}");
  return topics;
}

std::vector<topic_config> topics_in_force(const config& c) {
  std::vector<topic_config> all = c.topics;
  for (topic_config& t : preset_topics(c.topic_presets.presets)) all.push_back(std::move(t));
  return all;
}

}  // namespace fleetgate::node
