#include "actors/node/listener_limits.hpp"

#include <algorithm>

namespace fleetgate::node {

mqtt::session_limits mqtt_limits(const listener_config& l) {
  mqtt::session_limits limits;
  limits.receive_maximum = l.receive_maximum;
  limits.maximum_packet_size = l.max_packet_size;
  limits.topic_alias_maximum = l.topic_alias_maximum;
  limits.connect_timeout = l.connect_timeout;
  limits.maximum_keep_alive_s = static_cast<std::uint16_t>(l.max_keep_alive.count());
  limits.maximum_session_expiry_s = static_cast<std::uint32_t>(l.session_expiry_max.count());
  return limits;
}

native::session_limits native_limits(const listener_config& l, std::string_view node) {
  native::session_limits limits;
  limits.node = node.substr(0, native::maximum_name_bytes);
  limits.maximum_frame = l.max_packet_size;
  limits.hello_timeout = l.connect_timeout;
  limits.maximum_keep_alive_s = static_cast<std::uint16_t>(l.max_keep_alive.count());
  for (auto& c : limits.credits) c.bytes = std::max<std::uint64_t>(c.bytes, l.max_packet_size);
  return limits;
}

}  // namespace fleetgate::node
