#include "actors/node/dev_config.hpp"

namespace fleetgate::node {
config dev_config(const dev_options& options) {
  config c;
  c.node.name = "dev";
  c.node.site = "local";
  c.node.data_dir = options.data_dir;
  listener_config& mqtt = c.listeners.emplace_back();
  mqtt.name = "mqtt";
  mqtt.bind.port = options.mqtt_port;
  if (options.native_port) {
    listener_config& native = c.listeners.emplace_back();
    native.name = "native";
    native.protocol = listener_protocol::native;
    native.bind.port = *options.native_port;
  }
  sink_config& fleet = c.sinks.emplace_back();
  fleet.name = "fleet";
  fleet.path = options.data_dir + "/fleet.db";
  c.topic_presets.presets = {topic_preset::plain};
  c.admin.bind.port = options.admin_port;
  return c;
}

}  // namespace fleetgate::node
