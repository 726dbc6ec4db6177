#include "actors/ingress/loose_message.hpp"

#include <algorithm>
#include <utility>

#include "actors/ingress/connection_trace.hpp"
#include "actors/ingress/message_properties.hpp"

namespace fleetgate::ingress {
namespace {

std::size_t weight_of(const contract::loose_message& m) noexcept {
  return contract::message_overhead_bytes + 2 * m.topic.size() + m.payload.size() +
         m.device.size() + m.client_id.size() + m.content_type.size() + m.traceparent.size() +
         m.attributes.size() + m.properties.size() + m.user_seq.size() + m.user_epoch.size();
}

contract::inbound_message describe(const shard& owner, const contract::loose_message& from,
                                   runtime::arena& memory) {
  const auto copy = [&](const std::string& text) { return memory.copy(std::string_view(text)); };
  contract::inbound_message m;
  m.topic = copy(from.topic);
  m.payload = memory.copy(as_bytes(from.payload));
  m.content_type = copy(from.content_type);
  m.payload_is_utf8 = from.payload_is_utf8;
  m.traceparent = copy(from.traceparent);
  m.attributes = copy(from.attributes);
  m.properties = copy(from.properties);
  m.user_seq = copy(from.user_seq);
  m.user_epoch = copy(from.user_epoch);
  m.client_id = copy(from.client_id);
  const auto match = owner.rules.match(m.topic);  // its captures point into the copy
  m.rule = match.rule;
  m.cls = match.rule->cls;
  m.qos = std::min<std::uint8_t>(from.qos, 1);
  m.level = match.rule->level_for(m.qos);
  m.device = match.device.empty() ? copy(from.device) : match.device;
  m.stream = match.stream;
  m.tenant = match.tenant;
  m.sequence = from.sequence;
  m.epoch = from.epoch;
  m.device_time_ns = from.device_time_ns;
  m.retain = from.retain;
  m.received_time_ns = from.received_time_ns != 0 ? from.received_time_ns : owner.now.unix_ns;
  m.received_steady_ns = owner.now.steady_ns;
  return m;
}

contract::loose_message as_loose(const contract::due_will& will) {
  const auto& said = will.what->message;
  contract::loose_message m;
  m.topic = said.topic;
  m.payload = said.payload;
  take_properties(said.props, m);
  m.device = will.client_id;
  m.client_id = will.client_id;
  m.qos = said.qos;
  m.retain = said.retain;
  m.waits_for_room = true;
  return m;
}

bool is_kept(model::outcome result) noexcept {
  switch (result) {
    case model::outcome::stored:
    case model::outcome::duplicate:
    case model::outcome::quarantined:
      return true;
    case model::outcome::refused:
    case model::outcome::superseded:  // another message waits for the same: sent again, it is known
    case model::outcome::taken_over:
    case model::outcome::resumed:
      return false;
  }
  return false;
}

}  // namespace

loose_way_in post_loose(shard& owner, const contract::loose_message& from,
                        const model::connection_ref& to, std::uint32_t index) {
  const auto cls = owner.rules.match(from.topic).rule->cls;
  const std::size_t weight = weight_of(from);
  if (const auto why = owner.intake.claim(cls, weight)) return {why, {}};
  auto& memory = owner.intake.memory[model::index(cls)];
  contract::inbound_message m = describe(owner, from, memory);
  m.connection = to;
  m.waits_for_room = from.waits_for_room && model::is_owed(model::lane_of(cls, m.level));
  m.charged_bytes = index;  // is not stored, and comes back in the receipt
  // Tells messages without a sequence apart; but among a session's packet ids it would be evidence.
  m.packet_id = from.client_id.empty() ? static_cast<std::uint16_t>(index) : std::uint16_t{0};
  contract::inbound_item item{memory.make(m), nullptr};
  if (!owner.intake.to_parser.post(cls, item, weight)) return {fault_code::mailbox_full, {}};
  owner.intake.account.posted(cls);
  return {std::nullopt, m.level};
}

void take_request(shard& owner, contract::message_request request) {
  owner.intake.seal_large();
  const auto count = static_cast<std::uint32_t>(request.messages.size());
  const auto ref = owner.requests.open(count, std::move(request.answer));
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto& m = request.messages[i];
    auto& probe = *owner.loose_probe;
    const auto match = owner.rules.match(m.topic);
    const auto cls = match.rule->cls;
    ++probe.publishes[cls][observe::quality_of_service::at_least_once];
    const auto way = owner.draining
                         ? loose_way_in{fault_code::server_shutting_down, model::ack_level::none}
                         : post_loose(owner, m, ref, i);
    if (way.refused) {
      ++probe.sent_back[cls][*way.refused];
      const auto device = match.device.empty() ? std::string_view(m.device) : match.device;
      note_sent_back(owner, {cls, *way.refused, device, m.epoch, m.sequence});
      owner.intake.account.sent_back(cls);
      owner.requests.settle(ref, i, model::outcome::refused, *way.refused);
    } else {
      owner.requests.note_level(ref, i, way.level);
    }
  }
  if (owner.requests.has(ref.slot, ref.generation)) {
    owner.deadlines.push({request.deadline_ns, ref.slot, ref.generation});
  }
}

void take_will(shard& owner, const contract::due_will& will) {
  owner.intake.seal_large();
  const model::connection_ref ref{will_slot, owner.intake.shard, will.number};
  if (post_loose(owner, as_loose(will), ref, 0).refused) {
    settle_will(owner, will.number, model::outcome::refused);
  }
}

void settle_will(shard& owner, std::uint64_t number, model::outcome result) {
  contract::will_settled settled{number, is_kept(result)};
  // There is room: settled_wills.
  (void)owner.subscribers.settled_wills.post(model::traffic_class::control, settled,
                                             sizeof settled);
}

}  // namespace fleetgate::ingress
