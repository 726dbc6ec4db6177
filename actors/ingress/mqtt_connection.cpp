#include "actors/ingress/mqtt_connection.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <variant>

#include "actors/ingress/connection_trace.hpp"
#include "actors/ingress/message_properties.hpp"
#include "protocol/mqtt/reasons.hpp"

namespace fleetgate::ingress {
namespace {

/// `part` is a view into `from`; the same part of `copy`.
std::string_view rebase(std::string_view part, std::string_view from, std::string_view copy) {
  if (part.empty()) return {};
  return copy.substr(static_cast<std::size_t>(part.data() - from.data()), part.size());
}

bool lies_in(std::string_view part, std::string_view whole) noexcept {
  return std::less_equal<>{}(whole.data(), part.data()) &&
         std::less_equal<>{}(part.data() + part.size(), whole.data() + whole.size());
}

std::size_t coming_bytes(const contract::client_came& c) noexcept {
  if (!c.last_will) return 0;
  const auto& m = c.last_will->message;
  return m.topic.size() + m.payload.size() + m.props.size();
}

}  // namespace

mqtt_connection::mqtt_connection(caf::actor_config& config, runtime::unit& home, shard& owner,
                                 const listener_settings& listener, runtime::descriptor socket,
                                 model::connection_ref self_ref)
    : connection_actor(config, home, owner, listener, std::move(socket), self_ref),
      session_(std::get<mqtt::session_limits>(listener.session), owner.now.steady_ns) {}

session_progress mqtt_connection::feed(byte_view input) {
  shard_.begin_feed();
  return session_.consume(input, *this, out_, shard_.now.steady_ns);
}

std::optional<fault_code> mqtt_connection::closed_for() const {
  const auto& why = session_.closed_for();
  return why ? std::optional(why->code) : std::nullopt;
}

bool mqtt_connection::on_time() {
  return session_.on_time(shard_.now.steady_ns, out_);
}

void mqtt_connection::say_goodbye(fault_code why) {
  session_.disconnect(why, out_);
}

std::string_view mqtt_connection::protocol_name() const noexcept {
  return session_.version() == mqtt::protocol_version::v5 ? "MQTT 5.0" : "MQTT 3.1.1";
}

void mqtt_connection::on_connect(const mqtt::connect_request& request) {
  if (request.client_id_assigned_needed) {
    id_assigned_ = true;
    std::random_device random;
    client_id_ = "fg-" + model::to_string(model::trace_id{
                             static_cast<std::uint64_t>(random()) << 32 | random(),
                             static_cast<std::uint64_t>(random()) << 32 | random()});
  } else {
    client_id_ = request.client_id;
  }
  note_coming(request);
  if (const auto why = open_session({request.clean_start, request.session_expiry_s, {}})) {
    session_.refuse(*why, out_);
  }
}

std::optional<fault_code> mqtt_connection::welcome(const model::receipt& opened) {
  // Where the journal keeps none any more, CONNACK says so, and what it subscribed to goes with it.
  if (!opened.session_present) coming_->clean_start = true;
  coming_->opened = opened.number;
  if (!tell_coming()) return fault_code::server_busy;
  session_.accept(id_assigned_ ? client_id_ : std::string_view{}, opened.session_present, out_);
  return std::nullopt;
}

mqtt::flow mqtt_connection::on_publish(const mqtt::publish_view& p) {
  const auto* said = said_before(p.topic);
  const auto match = said != nullptr ? model::topic_match{} : shard_.rules.match(p.topic);
  const auto cls = said != nullptr ? said->cls : match.rule->cls;
  const auto held_back = [&](fault_code why) {
    const std::string_view device = said != nullptr ? said->device : match.device;
    return hold_back(p, cls, device.empty() ? std::string_view(client_id_) : device, why);
  };
  const std::size_t weight = contract::message_overhead_bytes + p.topic.size() + p.payload.size() +
                             3 * p.props.bytes().size() + client_id_.size();
  if (unacknowledged_bytes_ != 0 &&
      unacknowledged_bytes_ + weight > listener_.max_unacknowledged_bytes) {
    return held_back(fault_code::quota_exceeded);
  }
  if (const auto why = shard_.intake.claim(cls, weight)) return held_back(*why);
  if (said == nullptr) said = &note_topic(p.topic, match);
  auto& memory = shard_.intake.memory[model::index(cls)];
  contract::inbound_message& m = *memory.make(*said);
  m.payload = memory.copy(p.payload);
  m.level = m.rule->level_for(p.qos);
  m.packet_id = p.packet_id;
  m.qos = p.qos;
  m.dup = p.dup;
  m.retain = p.retain;
  m.waits_for_room = model::is_owed(model::lane_of(cls, m.level));
  if (!p.props.empty()) describe_properties(p, memory, m);
  post(m, weight);
  return mqtt::flow::go_on;
}

/// What is owed an acknowledgement waits unread; what is not is shed, and counted.
mqtt::flow mqtt_connection::hold_back(const mqtt::publish_view& p, model::traffic_class cls,
                                      std::string_view device, fault_code why) {
  if (p.qos != 0) return mqtt::flow::pause;
  ++listener_.probe->publishes[cls][observe::quality_of_service::at_most_once];
  ++listener_.probe->shed[cls][why];
  note_shed(shard_, {cls, why, device});
  shard_.intake.account.shed(cls);
  return mqtt::flow::go_on;
}

/// A topic that came in this reading already, or null.
const contract::inbound_message* mqtt_connection::said_before(
    std::string_view topic) const noexcept {
  for (const auto& said : shard_.common) {
    if (said.topic == topic) return &said;
  }
  return nullptr;
}

const contract::inbound_message& mqtt_connection::note_topic(std::string_view topic,
                                                             const model::topic_match& match) {
  auto& memory = shard_.intake.memory[model::index(match.rule->cls)];
  auto& said = shard_.common[model::index(match.rule->cls)];
  said = {};
  said.topic = memory.copy(topic);
  said.client_id = memory.copy(std::string_view(client_id_));
  said.rule = match.rule;
  said.cls = match.rule->cls;
  said.device = match.device.empty() ? said.client_id : rebase(match.device, topic, said.topic);
  said.stream =
      lies_in(match.stream, topic) ? rebase(match.stream, topic, said.topic) : std::string_view{};
  said.tenant = rebase(match.tenant, topic, said.topic);
  return said;
}

void mqtt_connection::describe_properties(const mqtt::publish_view& p, runtime::arena& memory,
                                          contract::inbound_message& m) const {
  const auto said = read_properties(p.props.begin(), shard_.attributes);
  m.payload_is_utf8 = said.payload_is_utf8;
  m.content_type = memory.copy(said.content_type);
  m.user_seq = memory.copy(said.user_seq);
  m.user_epoch = memory.copy(said.user_epoch);
  m.traceparent = memory.copy(said.traceparent);
  m.attributes = memory.copy(shard_.attributes.finish());
  shard_.properties.clear();
  mqtt::append_kept_properties(p.props, shard_.properties);
  m.properties = memory.copy(std::string_view(shard_.properties));
}

void mqtt_connection::on_repeat() {
  ++listener_.probe->repeats;
}

mqtt::flow mqtt_connection::on_release(std::uint16_t packet_id) {
  model::envelope release;
  release.kind = model::record_kind::release;
  // In the class of its message, so that it lies in a segment that the round syncs anyway.
  release.cls = last_class_;
  release.packet_id = packet_id;
  release.waits_for_room = true;
  return post_mark(release) ? mqtt::flow::go_on : mqtt::flow::pause;
}

mqtt::flow mqtt_connection::on_subscribe(const mqtt::subscribe_packet& p) {
  if (coming_ && !tell_coming()) return mqtt::flow::pause;
  const bool told = tell_sessions(
      contract::subscribe_request{
          p.packet_id, p.props.number(mqtt::property_id::subscription_identifier).value_or(0),
          std::string(as_text(p.filters))},
      p.filters.size());
  return told ? mqtt::flow::go_on : mqtt::flow::pause;
}

mqtt::flow mqtt_connection::on_unsubscribe(const mqtt::unsubscribe_packet& p) {
  if (coming_ && !tell_coming()) return mqtt::flow::pause;
  const bool told =
      tell_sessions(contract::unsubscribe_request{p.packet_id, std::string(as_text(p.filters))},
                    p.filters.size());
  return told ? mqtt::flow::go_on : mqtt::flow::pause;
}

mqtt::flow mqtt_connection::on_acknowledge(const mqtt::ack_packet& p) {
  const bool told = tell_sessions(contract::acknowledgement{p.type, p.packet_id, p.reason}, 0);
  return told ? mqtt::flow::go_on : mqtt::flow::pause;
}

void mqtt_connection::on_disconnect(std::uint8_t reason, std::optional<std::uint32_t> expiry_s) {
  publishes_will_ = reason != mqtt::reason_success;
  if (expiry_s) session_expiry_s_ = *expiry_s;
}

void mqtt_connection::settle(const model::receipt& r) {
  const auto why = r.result == model::outcome::quarantined || r.result == model::outcome::refused
                       ? std::optional(r.fault)
                       : std::nullopt;
  if (r.kind == model::record_kind::release) {
    // While the identifier is still held, PUBCOMP would free it for another message, and that one
    // could be taken for the held one.
    if (why && *why != fault_code::packet_identifier_not_found) return leave_later(*why);
    session_.complete(r.packet_id, why, out_);
    return mark_unsent();
  }
  switch (r.result) {
    case model::outcome::stored:
    case model::outcome::duplicate:
    case model::outcome::quarantined:
      session_.settle(r.packet_id, r.qos, why, out_);
      return mark_unsent();
    case model::outcome::refused:
      return leave_later(r.fault);
    case model::outcome::superseded:
      // Another connection waits for the same message. Should this one be alive all the same, its
      // client comes back and finds the message settled.
      return leave_later(fault_code::server_busy);
    case model::outcome::taken_over:
    case model::outcome::resumed:
      return;
  }
}

bool mqtt_connection::tell_going() {
  if (going_untold_) {
    going_untold_ = !tell_sessions(contract::client_went{publishes_will_, session_expiry_s_}, 0);
  }
  return !going_untold_;
}

bool mqtt_connection::tell_delivery_sent() {
  return tell_sessions(contract::delivery_sent{}, 0);
}

bool mqtt_connection::tell_sessions(decltype(contract::client_event::what) what,
                                    std::size_t bytes) {
  contract::client_event event{ref(), client_id_, std::move(what)};
  const std::size_t weight = sizeof event + client_id_.size() + bytes;
  return shard_.subscribers.events.post(model::traffic_class::control, event, weight);
}

/// A client that leaves nothing behind and asks for nothing is not kept there: it is made known
/// when it subscribes.
bool mqtt_connection::tell_coming() {
  if (!tell_sessions(*coming_, coming_bytes(*coming_))) return false;
  const bool is_kept =
      !coming_->clean_start || coming_->session_expiry_s != 0 || coming_->last_will;
  going_untold_ = is_kept;
  coming_->clean_start = false;
  if (is_kept) coming_.reset();
  return true;
}

void mqtt_connection::note_coming(const mqtt::connect_request& request) {
  coming_ = std::make_unique<contract::client_came>();
  contract::client_came& c = *coming_;
  c.terms = {request.version, request.maximum_packet_size};
  c.receive_maximum = request.receive_maximum;
  c.topic_alias_maximum = request.topic_alias_maximum;
  c.session_expiry_s = request.session_expiry_s;
  c.clean_start = request.clean_start;
  if (!request.will) return;
  auto kept = std::make_shared<contract::will>();
  contract::will& w = *kept;
  w.delay_s = request.will->delay_s();
  w.message.topic = request.will->topic;
  w.message.payload = as_text(request.will->payload);
  w.message.qos = request.will->qos;
  w.message.retain = request.will->retain;
  mqtt::append_kept_properties(request.will->props, w.message.props);
  c.last_will = std::move(kept);
}

}  // namespace fleetgate::ingress
