#include "actors/ingress/will.hpp"

#include <algorithm>

namespace fleetgate::ingress {

bool post_will(shard& owner, const contract::due_will& will) {
  const auto& from = will.message;
  const auto cls = owner.rules.match(from.topic).rule->cls;
  const std::size_t weight = contract::message_overhead_bytes + 2 * from.topic.size() +
                             from.payload.size() + from.props.size() + will.client_id.size();
  if (owner.intake.claim(cls, weight)) return false;
  auto& memory = owner.intake.memory[model::index(cls)];
  contract::inbound_message m;
  m.topic = memory.copy(std::string_view(from.topic));
  m.payload = memory.copy(as_bytes(from.payload));
  m.properties = memory.copy(std::string_view(from.props));
  const auto match = owner.rules.match(m.topic);  // its captures point into the copy
  m.rule = match.rule;
  m.cls = cls;
  m.qos = std::min<std::uint8_t>(from.qos, 1);  // it has no exchange that could be exactly once
  m.level = match.rule->level_for(m.qos);
  m.device = match.device.empty() ? memory.copy(std::string_view(will.client_id)) : match.device;
  m.stream = match.stream;
  m.tenant = match.tenant;
  m.retain = from.retain;
  m.received_time_ns = owner.now.unix_ns;
  m.received_steady_ns = owner.now.steady_ns;
  contract::inbound_item item{memory.make(m), nullptr};
  return owner.intake.to_parser.post(cls, item, weight);
}

}  // namespace fleetgate::ingress
