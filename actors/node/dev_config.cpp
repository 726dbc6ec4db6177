#include "actors/node/dev_config.hpp"

namespace fleetgate::node {
namespace {

topic_config topic(std::string match, model::traffic_class cls) {
  topic_config t;
  t.match = std::move(match);
  t.cls = cls;
  // Without knowing how a device counts, this is the side to err on: a device that has one counter
  // for all its topics leaves gaps, one counter for each would look like duplicates.
  t.scope = model::sequence_scope::topic;
  return t;
}

}  // namespace

std::vector<topic_config> plain_topics() {
  using model::traffic_class;
  return {
      topic("devices/{device}/control/#", traffic_class::control),
      topic("devices/{device}/status", traffic_class::heartbeat),
      topic("devices/{device}/heartbeat", traffic_class::heartbeat),
      topic("devices/{device}/events/#", traffic_class::event),
      topic("devices/{device}/{stream}", traffic_class::telemetry),
      topic("devices/{device}/#", traffic_class::telemetry),
      topic("#", traffic_class::telemetry),
  };
}

config dev_config(const dev_options& options) {
  config c;
  c.node.name = "dev";
  c.node.site = "local";
  c.node.data_dir = options.data_dir;
  listener_config& mqtt = c.listeners.emplace_back();
  mqtt.name = "mqtt";
  mqtt.bind.port = options.mqtt_port;
  sink_config& fleet = c.sinks.emplace_back();
  fleet.name = "fleet";
  fleet.path = options.data_dir + "/fleet.db";
  c.topics = plain_topics();
  c.admin.bind.port = options.admin_port;
  return c;
}

}  // namespace fleetgate::node
