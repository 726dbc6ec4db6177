#include "actors/ingress/connection_actor.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <caf/behavior.hpp>
#include <caf/send.hpp>
#include <cerrno>
#include <random>

#include "protocol/mqtt/reasons.hpp"

namespace fleetgate::ingress {
namespace {

/// What an envelope costs beside its own text and payload.
constexpr std::size_t message_overhead_bytes = 512;
/// A peer that does not read its acknowledgements is closed when this much waits for it.
constexpr std::size_t max_unsent_bytes = 1 << 20;
/// What may be dropped is where so much waits for the peer already.
constexpr std::size_t max_undelivered_bytes = 64 * 1024;
constexpr int max_discarded_reads = 4;
/// Buffers larger than this are given back when they are empty.
constexpr std::size_t kept_buffer_bytes = 512;
/// A device whose message had to be refused is sent away after a random part of this time, so that
/// the refused do not all come back at once.
constexpr std::uint64_t max_leave_delay_ns = 5'000'000'000;
/// How long a peer that sends no more is kept while something is withheld from it.
constexpr std::uint64_t end_patience_ns = 10'000'000'000;

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

void give_back_if_large(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kept_buffer_bytes) buffer.shrink_to_fit();
}

}  // namespace

void intrusive_ptr_add_ref(connection_actor* c) {
  caf::intrusive_ptr_add_ref(c->ctrl());
}
void intrusive_ptr_release(connection_actor* c) {
  caf::intrusive_ptr_release(c->ctrl());
}

connection_actor::connection_actor(caf::actor_config& config, runtime::unit& home, shard& owner,
                                   const listener_settings& listener, runtime::descriptor socket,
                                   model::connection_ref self_ref)
    : pinned_actor(config, home),
      shard_(owner),
      listener_(listener),
      socket_(std::move(socket)),
      ref_(self_ref),
      session_(listener.session, owner.now.steady_ns) {}

caf::behavior connection_actor::make_behavior() {
  return {[this](leave_atom, fault_code why) { leave(why); }};
}

void connection_actor::start() {
  if (!shard_.sockets.add(socket_.get(), this)) return close(fault_code::resource_unavailable);
  watch_time();
  wait_readable();
}

void connection_actor::on_event(const runtime::readiness::event& e) {
  at_end_ |= e.at_end;
  gone_ |= e.gone;
  if (e.readable) {
    may_read_ = true;
    if (waits_readable_) wait_readable();
  }
  if (e.writable && std::exchange(waits_writable_, false)) mark_unsent();
  if (e.at_end && is_withheld()) look_after_end();
}

/// Nothing is read of it for now: an acknowledgement or its CONNACK has to come first.
bool connection_actor::is_withheld() const noexcept {
  return paused_ || (session_opened_ && !accepted_);
}

/// The end of a peer of which nothing is read would only be noticed when the withholding ends, and
/// an outage would collect descriptors. Whoever was reset is closed; whoever sends no more may
/// still listen, and is given a while.
void connection_actor::look_after_end() {
  if (gone_) return close(fault_code::peer_closed);
  const auto at_ns = shard_.now.steady_ns + end_patience_ns;
  if (!at_end_ || at_ns >= leave_at_ns_) return;
  leave_at_ns_ = at_ns;
  leave_for_ = fault_code::peer_closed;
  watch_time();
}

/// Is read in the next round in which there may be bytes.
void connection_actor::wait_readable() {
  waits_readable_ = !may_read_;
  if (may_read_) shard_.readable.emplace_back(this);
}

void connection_actor::read() {
  if (phase_ == phase::closed) return;
  const std::size_t most = session_.connected() ? shard::read_bytes : shard::handshake_read_bytes;
  const ssize_t n = ::recv(socket_.get(), shard_.buffer.data(), most, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    may_read_ = errno == EINTR;
    return wait_readable();
  }
  if (n <= 0) return close(fault_code::peer_closed);
  const auto size = static_cast<std::size_t>(n);
  may_read_ = size == most || at_end_;  // a short read has emptied the socket: epoll(7)
  listener_.probe->bytes_in.add(size);
  const byte_view fresh(shard_.buffer.data(), size);
  if (rest_.empty()) {
    consume(fresh, false);
  } else {
    rest_.append(as_text(fresh));
    consume(as_bytes(rest_), true);
  }
}

void connection_actor::consume(byte_view input, bool from_rest) {
  using state = mqtt::session::progress::state;
  const auto progress = session_.consume(input, *this, out_, shard_.now.steady_ns);
  if (!out_.empty()) mark_unsent();
  keep_rest(input.subspan(progress.consumed), from_rest);
  if (progress.consumed != 0 && leave_for_ == fault_code::peer_closed) leave_at_ns_ = never;
  // What is not a whole packet yet.
  if (!charge(rest_, rest_charge_)) return leave(fault_code::memory_budget_full);
  switch (progress.why) {
    case state::need_more:
      if (phase_ == phase::open) wait_readable();
      return;
    case state::paused:
      if (!std::exchange(paused_, true)) {
        ++listener_.probe->connections_paused;
        shard_.paused.push_back(ref_);
      }
      return look_after_end();
    case state::waiting:
      return look_after_end();
    case state::closed:
      close(session_.closed_for() ? std::optional(session_.closed_for()->code) : std::nullopt);
      return;
  }
}

/// False: there is no memory for what the buffer holds.
bool connection_actor::charge(const std::string& buffer, runtime::memory_charge& with) {
  const std::size_t held = buffer.capacity() > shard::handshake_read_bytes ? buffer.capacity() : 0;
  if (held == with.bytes()) return true;
  with.reset();
  if (held == 0) return true;
  if (!shard_.budget.take(last_class_, held)) return false;
  with = runtime::memory_charge(shard_.budget, last_class_, held);
  return true;
}

void connection_actor::keep_rest(byte_view rest, bool from_rest) {
  if (rest.empty())
    give_back_if_large(rest_);
  else if (from_rest)
    rest_.erase(0, rest_.size() - rest.size());
  else
    rest_.assign(as_text(rest));
}

void connection_actor::go_on() {
  if (!std::exchange(paused_, false) || phase_ == phase::closed) return;
  --listener_.probe->connections_paused;
  consume(as_bytes(rest_), true);
}

void connection_actor::on_connect(const mqtt::connect_request& request) {
  if (request.client_id_assigned_needed) {
    id_assigned_ = true;
    std::random_device random;
    client_id_ = "fg-" + model::to_string(model::trace_id{
                             static_cast<std::uint64_t>(random()) << 32 | random(),
                             static_cast<std::uint64_t>(random()) << 32 | random()});
  } else {
    client_id_ = request.client_id;
  }
  session_expiry_s_ = request.session_expiry_s;
  note_coming(request);
  const bool pressed = shard_.budget.used() > shard_.budget.limit() / 4 * 3;
  const bool refused =
      shard_.draining || (pressed && shard_.priority_of(client_id_) == device_priority::low);
  if (!refused && post_mark(model::record_kind::session_open, model::traffic_class::control, 0,
                            {request.clean_start, request.session_expiry_s})) {
    session_opened_ = true;
    return;
  }
  const auto why = shard_.draining ? fault_code::server_shutting_down : fault_code::server_busy;
  session_.refuse(why, out_);
}

mqtt::flow connection_actor::on_publish(const mqtt::publish_view& p) {
  const auto match = shard_.rules.match(p.topic);
  const auto cls = match.rule->cls;
  const std::size_t weight = message_overhead_bytes + p.topic.size() + p.payload.size() +
                             3 * p.props.bytes().size() + client_id_.size();
  if (unacknowledged_bytes_ != 0 &&
      unacknowledged_bytes_ + weight > listener_.max_unacknowledged_bytes) {
    return hold_back(p, cls, fault_code::quota_exceeded);
  }
  if (!shard_.intake.to_parser.box().has_room(cls, weight)) {
    return hold_back(p, cls, fault_code::mailbox_full);
  }
  if (!shard_.intake.credit.take(cls, weight)) {
    return hold_back(p, cls, fault_code::memory_budget_full);
  }
  auto& memory = shard_.intake.memory[model::index(cls)];
  contract::inbound_message m = describe(p, match, memory);
  m.charged_bytes = static_cast<std::uint32_t>(weight);
  contract::inbound_item item{memory.make(m), nullptr};
  if (!shard_.intake.to_parser.post(cls, item, weight)) {
    return hold_back(p, cls, fault_code::mailbox_full);
  }
  unacknowledged_bytes_ += weight;
  last_class_ = cls;
  ++listener_.probe->publishes[cls][static_cast<observe::quality_of_service>(p.qos)];
  return mqtt::flow::go_on;
}

/// What is owed an acknowledgement waits unread; what is not is shed, and counted.
mqtt::flow connection_actor::hold_back(const mqtt::publish_view& p, model::traffic_class cls,
                                       fault_code why) {
  if (p.qos != 0) return mqtt::flow::pause;
  ++listener_.probe->publishes[cls][observe::quality_of_service::at_most_once];
  ++listener_.probe->shed[cls][why];
  return mqtt::flow::go_on;
}

contract::inbound_message connection_actor::describe(const mqtt::publish_view& p,
                                                     const model::topic_match& match,
                                                     runtime::arena& memory) const {
  contract::inbound_message m;
  m.topic = memory.copy(p.topic);
  m.payload = memory.copy(p.payload);
  m.client_id = memory.copy(std::string_view(client_id_));
  m.rule = match.rule;
  m.cls = match.rule->cls;
  m.level = match.rule->level_for(p.qos);
  m.device = match.device.empty() ? m.client_id : rebase(match.device, p.topic, m.topic);
  m.stream =
      lies_in(match.stream, p.topic) ? rebase(match.stream, p.topic, m.topic) : std::string_view{};
  m.tenant = rebase(match.tenant, p.topic, m.topic);
  m.connection = ref_;
  m.received_time_ns = shard_.now.unix_ns;
  m.received_steady_ns = shard_.now.steady_ns;
  m.packet_id = p.packet_id;
  m.qos = p.qos;
  m.dup = p.dup;
  m.retain = p.retain;
  if (!p.props.empty()) describe_properties(p, memory, m);
  return m;
}

void connection_actor::describe_properties(const mqtt::publish_view& p, runtime::arena& memory,
                                           contract::inbound_message& m) const {
  auto& attributes = shard_.attributes;
  attributes.clear();
  m.payload_is_utf8 = p.props.payload_is_utf8();
  m.content_type = memory.copy(p.props.content_type());
  for (const auto& property : p.props.user_properties()) {
    if (property.text == "seq")
      m.user_seq = memory.copy(property.value);
    else if (property.text == "epoch")
      m.user_epoch = memory.copy(property.value);
    else if (property.text == "traceparent")
      m.traceparent = memory.copy(property.value);
    else
      attributes.add(property.text, property.value);
  }
  m.attributes = memory.copy(attributes.finish());
  shard_.properties.clear();
  mqtt::append_kept_properties(p.props, shard_.properties);
  m.properties = memory.copy(std::string_view(shard_.properties));
}

mqtt::flow connection_actor::on_release(std::uint16_t packet_id) {
  // In the class of its message, so that it lies in a segment that the round syncs anyway.
  return post_mark(model::record_kind::release, last_class_, packet_id, {}) ? mqtt::flow::go_on
                                                                            : mqtt::flow::pause;
}

mqtt::flow connection_actor::on_subscribe(const mqtt::subscribe_packet& p) {
  if (coming_ && !tell_coming()) return mqtt::flow::pause;
  const bool told = tell_sessions(
      contract::subscribe_request{
          p.packet_id, p.props.number(mqtt::property_id::subscription_identifier).value_or(0),
          std::string(as_text(p.filters))},
      p.filters.size());
  return told ? mqtt::flow::go_on : mqtt::flow::pause;
}

mqtt::flow connection_actor::on_unsubscribe(const mqtt::unsubscribe_packet& p) {
  if (coming_ && !tell_coming()) return mqtt::flow::pause;
  const bool told =
      tell_sessions(contract::unsubscribe_request{p.packet_id, std::string(as_text(p.filters))},
                    p.filters.size());
  return told ? mqtt::flow::go_on : mqtt::flow::pause;
}

mqtt::flow connection_actor::on_acknowledge(const mqtt::ack_packet& p) {
  const bool told = tell_sessions(contract::acknowledgement{p.type, p.packet_id, p.reason}, 0);
  return told ? mqtt::flow::go_on : mqtt::flow::pause;
}

void connection_actor::on_disconnect(std::uint8_t reason, std::optional<std::uint32_t> expiry_s) {
  publishes_will_ = reason != mqtt::reason_success;
  if (expiry_s) session_expiry_s_ = *expiry_s;
}

bool connection_actor::post_mark(model::record_kind kind, model::traffic_class cls,
                                 std::uint16_t packet_id, model::session_request session) {
  const std::size_t weight = message_overhead_bytes + client_id_.size();
  if (!shard_.intake.to_parser.box().has_room(cls, weight) ||
      !shard_.intake.credit.take(cls, weight)) {
    return false;
  }
  auto& memory = shard_.intake.memory[model::index(cls)];
  model::envelope mark;
  mark.kind = kind;
  mark.cls = cls;
  mark.level = model::ack_level::durable;
  mark.client_id = memory.copy(std::string_view(client_id_));
  mark.connection = ref_;
  mark.packet_id = packet_id;
  mark.session = session;
  mark.received_time_ns = shard_.now.unix_ns;
  mark.received_steady_ns = shard_.now.steady_ns;
  mark.rule_version = shard_.rules.version();
  contract::inbound_item item{nullptr, memory.make(mark)};
  return shard_.intake.to_parser.post(cls, item, weight);
}

void connection_actor::take(const model::receipt& r) {
  if (phase_ == phase::closed) return;
  if (r.result == model::outcome::taken_over) return leave(fault_code::session_taken_over);
  switch (r.kind) {
    case model::record_kind::session_open:
      if (r.result == model::outcome::refused) {
        session_.refuse(r.fault, out_);
        mark_unsent();
        return close(r.fault);
      }
      if (!tell_coming()) {
        session_.refuse(fault_code::server_busy, out_);
        mark_unsent();
        return close(fault_code::server_busy);
      }
      accepted_ = true;
      connected_time_ns_ = shard_.now.unix_ns;
      session_.accept(id_assigned_ ? client_id_ : std::string_view{}, r.session_present, out_);
      mark_unsent();
      watch_time();
      return consume(as_bytes(rest_), true);
    case model::record_kind::release:
      // While the identifier is still held, PUBCOMP would free it for another message, and that
      // one could be taken for the held one.
      if (r.result == model::outcome::refused &&
          r.fault != fault_code::packet_identifier_not_found) {
        return leave_later(r.fault);
      }
      session_.complete(r.packet_id,
                        r.result == model::outcome::refused ? std::optional(r.fault) : std::nullopt,
                        out_);
      return mark_unsent();
    case model::record_kind::session_close:
      return;
    case model::record_kind::message:
    case model::record_kind::quarantined:
      return settle(r);
  }
}

void connection_actor::settle(const model::receipt& r) {
  unacknowledged_bytes_ -= std::min<std::size_t>(unacknowledged_bytes_, r.bytes);
  if (r.qos == 0) return;
  switch (r.result) {
    case model::outcome::stored:
    case model::outcome::duplicate:
      listener_.probe->acknowledged[r.cls].record(shard_.now.steady_ns - r.received_steady_ns);
      session_.settle(r.packet_id, r.qos, std::nullopt, out_);
      return mark_unsent();
    case model::outcome::quarantined:
      session_.settle(r.packet_id, r.qos, r.fault, out_);
      return mark_unsent();
    case model::outcome::refused:
      return leave_later(r.fault);
    case model::outcome::superseded:
      return session_.forget(r.packet_id);
    case model::outcome::taken_over:
      return;
  }
}

/// An acknowledgement is withheld and cannot come any more: the device has to come back and send
/// again.
void connection_actor::leave_later(fault_code why) {
  leave_for_ = why;
  if (leave_at_ns_ != never) return;
  std::random_device random;
  leave_at_ns_ = shard_.now.steady_ns + random() % max_leave_delay_ns;
  watch_time();
}

void connection_actor::watch_time() {
  const std::uint64_t due = std::min(session_.deadline_ns(), leave_at_ns_);
  if (due >= watched_ns_) return;
  watched_ns_ = due;
  shard_.deadlines.push({due, ref_.slot, ref_.generation});
}

void connection_actor::look_at_time(std::uint64_t due_ns) {
  if (phase_ == phase::closed || due_ns != watched_ns_) return;
  watched_ns_ = never;
  if (shard_.now.steady_ns >= leave_at_ns_) {
    // To whoever has said its last there is nothing to say.
    return leave_for_ == fault_code::peer_closed ? close(leave_for_) : leave(leave_for_);
  }
  if (session_.on_time(shard_.now.steady_ns, out_)) {
    mark_unsent();
    return close(session_.closed_for() ? session_.closed_for()->code
                                       : fault_code::keep_alive_timeout);
  }
  watch_time();
}

void connection_actor::leave(fault_code why) {
  if (phase_ == phase::closed) return;
  session_.disconnect(why, out_);
  mark_unsent();
  close(why);
}

void connection_actor::mark_unsent() {
  if (out_.empty() || std::exchange(listed_unsent_, true)) return;
  shard_.unsent.emplace_back(this);
}

void connection_actor::send_out() {
  listed_unsent_ = false;
  if (out_.empty() || !socket_.is_open()) return;
  const ssize_t n = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    out_.clear();
    return close(fault_code::peer_closed);
  }
  if (n > 0) {
    listener_.probe->bytes_out.add(static_cast<std::uint64_t>(n));
    out_.erase(0, static_cast<std::size_t>(n));
  }
  if (out_.empty()) {
    give_back_if_large(out_);
    (void)charge(out_, out_charge_);
  } else if (out_.size() > max_unsent_bytes) {
    return close(fault_code::quota_exceeded);
  } else if (phase_ == phase::open) {
    waits_writable_ = true;
  }
}

/// Behind this connection's messages where there is room; else ahead of them, which costs no more
/// than a resend. Untold, the journal would keep the session until the client id comes back.
bool connection_actor::tell_end() {
  const model::session_request how{false, session_expiry_s_};
  const auto post = [&](model::traffic_class cls) {
    return post_mark(model::record_kind::session_close, cls, 0, how);
  };
  if (end_untold_) {
    end_untold_ = !post(model::traffic_class::telemetry) && !post(model::traffic_class::control);
  }
  if (going_untold_) {
    going_untold_ = !tell_sessions(contract::client_went{publishes_will_, session_expiry_s_}, 0);
  }
  return !end_untold_ && !going_untold_;
}

bool connection_actor::tell_sessions(decltype(contract::client_event::what) what,
                                     std::size_t bytes) {
  contract::client_event event{ref_, client_id_, std::move(what)};
  const std::size_t weight = sizeof event + client_id_.size() + bytes;
  return shard_.subscribers.events.post(model::traffic_class::control, event, weight);
}

/// A client that leaves nothing behind and asks for nothing is not kept there: it is made known
/// when it subscribes.
bool connection_actor::tell_coming() {
  if (!tell_sessions(*coming_, coming_bytes(*coming_))) return false;
  const bool is_kept =
      !coming_->clean_start || coming_->session_expiry_s != 0 || coming_->last_will;
  going_untold_ = is_kept;
  coming_->clean_start = false;
  if (is_kept) coming_.reset();
  return true;
}

void connection_actor::note_coming(const mqtt::connect_request& request) {
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

void connection_actor::deliver(std::string_view packets, bool may_be_dropped) {
  if (phase_ == phase::closed || !accepted_) return;
  const auto drop = [&](observe::undelivered why) { ++listener_.probe->undelivered_here[why]; };
  if (may_be_dropped && out_.size() + packets.size() > max_undelivered_bytes) {
    return drop(observe::undelivered::slow_client);
  }
  if (may_be_dropped && !shard_.budget.has_room_for_subscribers()) {
    return drop(observe::undelivered::no_memory);
  }
  out_.append(packets);
  const bool has_memory = charge(out_, out_charge_);
  if (!has_memory && may_be_dropped) {
    out_.resize(out_.size() - packets.size());
    return drop(observe::undelivered::no_memory);
  }
  mark_unsent();
}

/// Bytes that arrived and were not read would turn the goodbye into a reset, and the peer might
/// never see its reason: they are taken from the kernel first, as far as they are there.
void connection_actor::shut_socket() {
  const int fd = socket_.get();
  if (!out_.empty()) ::send(fd, out_.data(), out_.size(), MSG_NOSIGNAL);
  for (int left = max_discarded_reads; left != 0; --left) {
    if (::recv(fd, shard_.buffer.data(), shard_.buffer.size(), 0) <= 0) break;
  }
  ::shutdown(fd, SHUT_RDWR);  // the peer may be gone already
  socket_.close();
}

/// Nothing: the client said goodbye. What `out_` holds is sent as far as the socket takes it.
void connection_actor::close(std::optional<fault_code> why) {
  if (std::exchange(phase_, phase::closed) == phase::closed) return;
  if (paused_) --listener_.probe->connections_paused;
  if (!why)
    ++listener_.probe->connections_closed_normally;
  else if (accepted_)
    ++listener_.probe->connections_closed[*why];
  else
    ++listener_.probe->connections_rejected[*why];
  --listener_.probe->connections_open;
  end_untold_ = session_opened_;
  if (!tell_end()) shard_.untold.emplace_back(this);
  shut_socket();
  const caf::intrusive_ptr<connection_actor> keep(this);
  shard_.table.remove(ref_);
  caf::anon_send_exit(this, caf::exit_reason::normal);
}

}  // namespace fleetgate::ingress
