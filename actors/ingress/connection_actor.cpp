#include "actors/ingress/connection_actor.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <caf/behavior.hpp>
#include <caf/send.hpp>
#include <cerrno>
#include <exception>

#include "actors/ingress/connection_trace.hpp"

namespace fleetgate::ingress {
namespace {

/// A peer that does not read is closed when this much waits for it beside the largest delivery: no
/// message is too large for a client that reads.
constexpr std::size_t max_unsent_bytes = 1 << 20;
/// What may be dropped is where so much waits for the peer already; one message may exceed it.
constexpr std::size_t max_undelivered_bytes = 64 * 1024;
constexpr int max_discarded_reads = 4;
/// Buffers larger than this are given back when they are empty.
constexpr std::size_t kept_buffer_bytes = 512;
/// A device whose message had to be refused is sent away after a random part of this time, so that
/// the refused do not all come back at once.
constexpr std::uint64_t max_leave_delay_ms = 5'000;
constexpr std::uint64_t ns_per_ms = 1'000'000;
/// How long a peer that sends no more is kept while something is withheld from it.
constexpr std::uint64_t end_patience_ns = 10'000'000'000;

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
      ref_(self_ref) {}

caf::behavior connection_actor::make_behavior() {
  return {[this](leave_atom, fault_code why) { leave(why); }};
}

void connection_actor::start(connection_place place) {
  place_ = std::move(place);
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
  const std::size_t most = is_connected() ? shard::read_bytes : shard::handshake_read_bytes;
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
  using state = session_progress::state;
  session_progress progress{};
  try {
    progress = feed(input);
  } catch (const std::exception& e) {
    shard_.log.error("connection.broken",
                     {{"reason", e.what()},
                      {"listener", listener_.name},
                      {"why", "a fault of this program; this connection is closed"}});
    return close(fault_code::internal);  // what these bytes do is no other connection's business
  }
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
      close(closed_for());
      return;
  }
}

/// False: there is no memory for what the buffer holds.
bool connection_actor::charge(const std::string& buffer, runtime::memory_charge& with) {
  const std::size_t held = buffer.capacity() > shard::handshake_read_bytes ? buffer.capacity() : 0;
  if (held == with.bytes()) return true;
  with.reset();
  if (held == 0) return true;
  // What class an unfinished packet has is not known; others keep their reserve.
  constexpr auto cls = model::traffic_class::telemetry;
  if (!shard_.budget.take(cls, held)) return false;
  with = runtime::memory_charge(shard_.budget, cls, held);
  return true;
}

void connection_actor::keep_rest(byte_view rest, bool from_rest) {
  if (rest.empty())
    give_back_if_large(rest_);
  else if (from_rest) {
    rest_.erase(0, rest_.size() - rest.size());
    const bool is_mostly_empty =
        rest_.capacity() > shard::handshake_read_bytes && rest_.size() <= kept_buffer_bytes;
    if (is_mostly_empty) rest_ = std::string(rest_);
  } else
    rest_.assign(as_text(rest));
}

void connection_actor::go_on() {
  if (!std::exchange(paused_, false) || phase_ == phase::closed) return;
  --listener_.probe->connections_paused;
  consume(as_bytes(rest_), true);
}

std::optional<fault_code> connection_actor::open_session(model::session_request how,
                                                         std::uint64_t epoch) {
  session_expiry_s_ = how.expiry_interval_s;
  if (shard_.draining) return fault_code::server_shutting_down;
  model::envelope open;
  open.kind = model::record_kind::session_open;
  open.cls = model::traffic_class::control;
  open.session = how;
  open.session.only_if_known = !shard_.takes_new(client_id_);
  open.epoch = epoch;
  if (!post_mark(open)) return fault_code::server_busy;
  session_opened_ = true;
  return std::nullopt;
}

bool connection_actor::post_mark(model::envelope mark) {
  const std::size_t weight =
      contract::message_overhead_bytes + client_id_.size() + mark.session.resume.size();
  if (shard_.intake.claim(mark.cls, weight)) return false;
  auto& memory = shard_.intake.memory[model::index(mark.cls)];
  mark.level = model::ack_level::durable;
  mark.client_id = memory.copy(std::string_view(client_id_));
  mark.session.resume = memory.copy(mark.session.resume);
  mark.connection = ref_;
  mark.received_time_ns = shard_.now.unix_ns;
  mark.received_steady_ns = shard_.now.steady_ns;
  mark.rule_version = shard_.rules.version();
  contract::inbound_item item{nullptr, memory.make(mark)};
  return shard_.intake.to_parser.post(mark.cls, item, weight);
}

void connection_actor::post(contract::inbound_message& m, std::size_t weight) {
  m.connection = ref_;
  m.received_time_ns = shard_.now.unix_ns;
  m.received_steady_ns = shard_.now.steady_ns;
  m.charged_bytes = static_cast<std::uint32_t>(weight);
  contract::inbound_item item{&m, nullptr};
  (void)shard_.intake.to_parser.post(m.cls, item, weight);  // there is room: it was claimed
  shard_.intake.account.posted(m.cls);
  unacknowledged_bytes_ += weight;
  last_class_ = m.cls;
  ++listener_.probe->publishes[m.cls][static_cast<observe::quality_of_service>(m.qos)];
}

void connection_actor::take(const model::receipt& r) {
  if (phase_ == phase::closed) return;
  if (r.result == model::outcome::taken_over) return leave(fault_code::session_taken_over);
  switch (r.kind) {
    case model::record_kind::session_open:
      return r.result == model::outcome::resumed ? settle(r) : take_opening(r);
    case model::record_kind::session_close:
      return;
    case model::record_kind::release:
      return settle(r);
    case model::record_kind::message:
    case model::record_kind::quarantined:
      unacknowledged_bytes_ -= std::min<std::size_t>(unacknowledged_bytes_, r.bytes);
      if (r.qos == 0) return;
      if (r.result == model::outcome::stored || r.result == model::outcome::duplicate) {
        listener_.probe->acknowledged[r.cls].record(shard_.now.steady_ns - r.received_steady_ns);
      }
      return settle(r);
  }
}

void connection_actor::take_opening(const model::receipt& r) {
  const auto refused = r.result == model::outcome::refused ? std::optional(r.fault) : welcome(r);
  if (refused) {
    say_goodbye(*refused);
    mark_unsent();
    return close(refused);
  }
  accepted_ = true;
  note_opened(shard_, client_id_);
  connected_time_ns_ = shard_.now.unix_ns;
  mark_unsent();
  watch_time();
  consume(as_bytes(rest_), true);
}

void connection_actor::leave_later(fault_code why) {
  leave_for_ = why;
  if (leave_at_ns_ != never) return;
  leave_at_ns_ = shard_.now.steady_ns + shard_.jitter() % max_leave_delay_ms * ns_per_ms;
  watch_time();
}

void connection_actor::watch_time() {
  const std::uint64_t due = std::min(deadline_ns(), leave_at_ns_);
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
  if (on_time()) {
    mark_unsent();
    return close(closed_for().value_or(fault_code::keep_alive_timeout));
  }
  watch_time();
}

void connection_actor::leave(fault_code why) {
  if (phase_ == phase::closed) return;
  say_goodbye(why);
  mark_unsent();
  close(why);
}

void connection_actor::mark_unsent() {
  if (std::exchange(listed_unsent_, true)) return;
  shard_.unsent.emplace_back(this);
}

void connection_actor::send_out() {
  listed_unsent_ = false;
  before_sending();
  if (out_.empty() || !socket_.is_open()) return;
  const ssize_t n = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    out_.clear();
    return close(fault_code::peer_closed);
  }
  if (n > 0) {
    listener_.probe->bytes_out.add(static_cast<std::uint64_t>(n));
    out_.erase(0, static_cast<std::size_t>(n));
    note_sent(static_cast<std::size_t>(n));
  }
  if (out_.empty()) {
    give_back_if_large(out_);
    largest_delivery_ = 0;
    (void)charge(out_, out_charge_);
    after_sending_all();
  } else if (out_.size() > max_unsent_bytes + largest_delivery_) {
    return close(fault_code::quota_exceeded);
  } else if (!charge(out_, out_charge_)) {
    return close(fault_code::memory_budget_full);
  } else if (phase_ == phase::open) {
    waits_writable_ = true;
  }
}

/// Behind this connection's messages where there is room; else ahead of them, which costs no more
/// than a resend. Untold, the journal would keep the session until the client id comes back.
bool connection_actor::tell_untold() {
  if (phase_ == phase::open) return tell_sent();
  model::envelope close;
  close.kind = model::record_kind::session_close;
  close.session = {false, session_expiry_s_, {}};
  const auto post = [&](model::traffic_class cls) {
    close.cls = cls;
    return post_mark(close);
  };
  if (end_untold_) {
    end_untold_ = !post(model::traffic_class::telemetry) && !post(model::traffic_class::control);
  }
  const bool is_told = tell_going();
  return !end_untold_ && is_told;
}

void connection_actor::deliver(std::string_view packets, bool may_be_dropped) {
  if (phase_ == phase::closed || !accepted_) return;
  const auto drop = [&](observe::undelivered why) { ++listener_.probe->undelivered_here[why]; };
  const bool is_behind = !out_.empty() && out_.size() + packets.size() > max_undelivered_bytes;
  if (may_be_dropped && is_behind) {
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
  largest_delivery_ = std::max(largest_delivery_, static_cast<std::uint32_t>(packets.size()));
  mark_unsent();
}

void connection_actor::want_word() {
  if (phase_ == phase::open && accepted_)
    bytes_before_word_ = static_cast<std::uint32_t>(out_.size());
}

void connection_actor::note_sent(std::size_t bytes) {
  if (bytes_before_word_ == 0) return;
  bytes_before_word_ -=
      static_cast<std::uint32_t>(std::min<std::size_t>(bytes, bytes_before_word_));
  if (bytes_before_word_ != 0) return;
  sent_untold_ = true;
  if (!tell_sent()) shard_.untold.emplace_back(this);
}

bool connection_actor::tell_sent() {
  if (sent_untold_) sent_untold_ = !tell_delivery_sent();
  return !sent_untold_;
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
  place_ = {};
  note_closed(shard_, client_id_, accepted_, why);
  end_untold_ = session_opened_;
  if (!tell_untold()) shard_.untold.emplace_back(this);
  shut_socket();
  const caf::intrusive_ptr<connection_actor> keep(this);
  shard_.table.remove(ref_);
  caf::anon_send_exit(this, caf::exit_reason::normal);
}

}  // namespace fleetgate::ingress
