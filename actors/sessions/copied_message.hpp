// A message of the road as the sessions stage keeps it: the envelope's views do not outlive their
// block. Pure.
#pragma once

#include "protocol/model/envelope.hpp"
#include "protocol/mqtt/forward.hpp"

namespace fleetgate::sessions {

inline mqtt::forward_message copied(const model::envelope& e) {
  mqtt::forward_message m;
  m.topic = e.topic;
  m.payload = as_text(e.payload);
  m.props = e.properties;
  m.publisher = e.client_id;
  m.received_ns = e.received_time_ns;
  m.qos = e.qos;
  m.retain = e.retain;
  return m;
}

}  // namespace fleetgate::sessions
