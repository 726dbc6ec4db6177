#include "actors/sessions/sessions.hpp"

#include <algorithm>

#include "actors/sessions/rows.hpp"
#include "protocol/mqtt/encode.hpp"
#include "protocol/mqtt/reasons.hpp"

namespace fleetgate::sessions {
namespace {

constexpr std::uint64_t ns_per_s = 1'000'000'000;
/// A session ends here so much later than in dedup, which says in CONNACK whether there is one and
/// may hear later than this stage that its client has gone: its mark comes behind messages. One
/// that dedup still has must not have lost its subscriptions.
constexpr std::uint64_t later_than_dedup_ns = 30 * ns_per_s;
/// Version 3.1.1 and 5, each with and without RETAIN.
constexpr std::size_t plain_kinds = 4;

std::size_t weight_of(const contract::will& w) noexcept {
  constexpr std::size_t overhead = 512;  // with its session
  return overhead + w.message.topic.size() + w.message.payload.size() + w.message.props.size();
}

}  // namespace

sessions::sessions(const sessions_limits& limits, std::size_t shards,
                   observe::sessions_probe& probe, copier copy)
    : limits_(limits),
      probe_(probe),
      copy_(std::move(copy)),
      retained_(limits_),
      due_wills_(limits_, out_, probe_),
      plain_(plain_kinds, targets(shards)) {
  probe_.filter_bytes_limit.set(static_cast<std::int64_t>(limits_.filter_bytes));
  probe_.away_queue_bytes_limit.set(static_cast<std::int64_t>(limits_.away_queue_bytes));
  probe_.waiting_will_bytes_limit.set(static_cast<std::int64_t>(limits_.waiting_will_bytes));
  probe_.retained_limit.set(static_cast<std::int64_t>(limits_.retained_messages));
  probe_.retained_bytes_limit.set(static_cast<std::int64_t>(limits_.retained_bytes));
}

void sessions::take(const contract::client_event& event, const moment& now) {
  if (const auto* c = std::get_if<contract::client_came>(&event.what)) {
    came(event, *c, now);
    return publish_gauges();
  }
  session* const s = find(event.client_id);
  if (s == nullptr || s->at != event.from) return;  // another connection has the session now
  if (const auto* w = std::get_if<contract::client_went>(&event.what))
    went(*s, *w, now.steady_ns);
  else if (const auto* r = std::get_if<contract::subscribe_request>(&event.what))
    subscribe(*s, *r);
  else if (const auto* u = std::get_if<contract::unsubscribe_request>(&event.what))
    unsubscribe(*s, *u);
  else if (const auto* a = std::get_if<contract::acknowledgement>(&event.what))
    acknowledge(*s, *a, now.unix_ns);
  else if (std::holds_alternative<contract::delivery_sent>(event.what))
    go_on_with_replay(*s);
  publish_gauges();
}

void sessions::came(const contract::client_event& event, const contract::client_came& c,
                    const moment& now) {
  session* s = find(event.client_id);
  // Shards are not equally quick: the one that this one lost its client id to was here before it.
  if (s != nullptr && c.opened < s->opened) {
    if (c.last_will && c.last_will->delay_s == 0) due_wills_.publish(s->client_id, c.last_will);
    return;
  }
  // Its old connection has gone, whether it was told or not. [MQTT-3.1.4-3]
  if (s != nullptr && s->connected() && s->at != event.from) {
    leave(*s, true, now.steady_ns);
    s = find(event.client_id);
  }
  if (s != nullptr && c.clean_start) {
    if (s->will) publish_will(*s);  // the session ends: section 3.1.2.5
    end(*s);
    s = nullptr;
  }
  const bool keeps_nothing = c.clean_start && c.session_expiry_s == 0 && !c.last_will;
  if (keeps_nothing) return;
  if (s == nullptr) s = &make(event.client_id);
  s->at = event.from;
  s->opened = c.opened;
  s->finished_commands = {};
  count_away(*s);
  set_timer(*s);
  s->terms = c.terms;
  s->receive_maximum = c.receive_maximum;
  set_expiry(*s, c.session_expiry_s);
  s->aliases.reset();
  if (c.topic_alias_maximum != 0) {
    s->aliases = std::make_unique<mqtt::topic_aliases>(c.topic_alias_maximum);
  }
  forget_will(*s);  // one that waited for its delay: [MQTT-3.1.3-9]
  if (c.last_will) {
    s->will = c.last_will;
    store_will(*s);
  }
  store(*s);
  if (s->queue) {
    s->queue->connected(s->receive_maximum);
    pump(*s, now.unix_ns);
  }
  if (!s->subscriptions.empty()) note_ready(*s);
  go_on_with_replay(*s);
}

void sessions::went(session& s, const contract::client_went& w, std::uint64_t steady_ns) {
  const bool is_changed = s.expiry_s != w.session_expiry_s;
  set_expiry(s, w.session_expiry_s);
  if (s.will && w.publish_will && is_changed) store_will(s);
  leave(s, w.publish_will, steady_ns);
}

/// What will end with its connection has no business in the store any more.
void sessions::set_expiry(session& s, std::uint32_t expiry_s) {
  if (expiry_s == 0 && s.queue) {
    for (const auto& e : s.queue->entries()) drop_entry(s, e);
  }
  s.expiry_s = expiry_s;
}

void sessions::leave(session& s, bool publish, std::uint64_t steady_ns) {
  s.at = {};
  count_away(s);
  s.aliases.reset();
  if (s.queue) s.queue->disconnected();
  if (!publish) forget_will(s);
  if (s.will) {
    const auto wait_s = will_delay_s(s);
    if (wait_s == 0 || waiting_will_bytes_ >= limits_.waiting_will_bytes)
      publish_will(s);
    else
      let_will_wait(s, steady_ns + wait_s * ns_per_s);
  }
  // One that has nothing is not kept: clients with ever new names would fill memory with them.
  if (!s.outlives_connection() || s.is_empty()) return end(s);
  store(s);
  set_end(s, steady_ns);
  set_timer(s);
}

/// It is not published later than its session ends. MQTT 5.0 section 3.1.3.2.2
std::uint32_t sessions::will_delay_s(const session& s) noexcept {
  return std::min(s.will->delay_s, s.expiry_s);
}

void sessions::store_will(const session& s) {
  out_.change(wills_table, s.client_id, encode_will(*s.will, will_delay_s(s)));
}

void sessions::let_will_wait(session& s, std::uint64_t due_ns) {
  s.will_due_ns = due_ns;
  waiting_will_bytes_ += weight_of(*s.will);
}

/// Nobody is connected from `steady_ns` on.
void sessions::set_end(session& s, std::uint64_t steady_ns) {
  s.ends_ns = not_due;
  if (s.expiry_s == never_expires) return;
  s.ends_ns = steady_ns + s.expiry_s * ns_per_s + later_than_dedup_ns;
}

void sessions::on_time(std::uint64_t steady_ns) {
  while (!timers_.empty() && timers_.begin()->first <= steady_ns) {
    session& s = *at(timers_.begin()->second);
    if (s.will_due_ns <= steady_ns) publish_will(s);
    if (s.ends_ns > steady_ns && !s.is_empty()) {
      set_timer(s);
      continue;
    }
    if (s.will) publish_will(s);
    end(s);
  }
  due_wills_.on_time(steady_ns);
  publish_gauges();
}

std::optional<std::uint64_t> sessions::next_deadline_ns() const {
  const auto of_wills = due_wills_.next_deadline_ns();
  if (timers_.empty()) return of_wills;
  return std::min(timers_.begin()->first, of_wills.value_or(not_due));
}

/// One entry a session: what comes first while nobody is connected.
void sessions::set_timer(session& s) {
  if (s.timer_ns != not_due) timers_.erase({s.timer_ns, s.number});
  s.timer_ns = s.connected() ? not_due : std::min(s.ends_ns, s.will_due_ns);
  if (s.timer_ns != not_due) timers_.emplace(s.timer_ns, s.number);
}

/// The session's part in it is over: it may end, or get another will, before this one is kept.
void sessions::publish_will(session& s) {
  due_wills_.publish(s.client_id, s.will);
  forget_will(s);
}

void sessions::forget_will(session& s) {
  if (!s.will) return;
  remove_row(wills_table, s.client_id);
  if (s.will_waits()) waiting_will_bytes_ -= weight_of(*s.will);
  s.will.reset();
  s.will_due_ns = not_due;
}

session& sessions::make(std::string_view client_id) {
  if (free_numbers_.empty()) {
    free_numbers_.push_back(static_cast<std::uint32_t>(all_.size()));
    all_.emplace_back();
  }
  const auto number = free_numbers_.back();
  free_numbers_.pop_back();
  all_[number] = std::make_unique<session>();
  session& s = *all_[number];
  s.client_id = client_id;
  s.number = number;
  by_client_id_.emplace(s.client_id, number);
  return s;
}

session* sessions::find(std::string_view client_id) noexcept {
  const auto found = by_client_id_.find(std::string(client_id));
  return found == by_client_id_.end() ? nullptr : at(found->second);
}

session* sessions::at(std::uint32_t number) noexcept {
  return number < all_.size() ? all_[number].get() : nullptr;
}

void sessions::end(session& s) {
  forget_will(s);
  for (const auto& [filter, granted] : s.subscriptions) {
    tree_.remove(filter, s.number);
    discount_filter(s, filter);
  }
  if (s.queue) {
    for (const auto& e : s.queue->entries()) drop_entry(s, e);
    queued_ -= s.queue->size();
    away_bytes_ -= s.away_bytes;
  }
  if (s.is_stored) remove_row(sessions_table, s.client_id);
  if (s.timer_ns != not_due) timers_.erase({s.timer_ns, s.number});
  by_client_id_.erase(s.client_id);
  free_numbers_.push_back(s.number);
  all_[s.number].reset();
}

/// A session that never subscribed is nothing that would be missed after a restart; one that did
/// may still have messages under way.
void sessions::store(session& s) {
  const bool worth_it = s.outlives_connection() && (s.is_stored || !s.subscriptions.empty());
  if (worth_it)
    out_.change(sessions_table, s.client_id, encode_session(s));
  else if (s.is_stored)
    remove_row(sessions_table, s.client_id);
  s.is_stored = worth_it;
}

void sessions::remove_row(std::string_view table, std::string key) {
  out_.change(table, std::move(key), std::nullopt);
}

void sessions::acknowledge(session& s, const contract::acknowledgement& a, std::int64_t now_ns) {
  std::optional<mqtt::outbox::entry> finished;
  auto answer = mqtt::outbox::answer::unknown;
  if (s.queue) answer = s.queue->acknowledge(a.type, a.packet_id, a.reason, finished);
  if (finished) {
    --queued_;
    drop_entry(s, *finished);
    const bool refused = a.reason >= mqtt::reason_unspecified_error;
    finish_command(
        s, *finished->what.message,
        refused ? contract::command_result::refused : contract::command_result::received);
    if (std::exchange(s.commands_wait, false)) note_ready(s);
    list_replay(s);
  }
  mqtt::ack_packet release{mqtt::packet_type::pubrel, a.packet_id, mqtt::reason_success, {}};
  switch (answer) {
    case mqtt::outbox::answer::done:
      return pump(s, now_ns);
    case mqtt::outbox::answer::release:
      store_entry(s, *s.queue->find(a.packet_id));
      break;
    case mqtt::outbox::answer::unknown:
      // Only a PUBREC wants an answer, and not where it was an error. Section 4.3.3.
      if (a.type != mqtt::packet_type::pubrec || a.reason >= mqtt::reason_unspecified_error) return;
      release.reason = mqtt::reason_packet_identifier_not_found;
      break;
  }
  std::string packets;
  encode(release, s.terms.version, packets);
  send(s, std::move(packets), false);
}

void sessions::publish_gauges() {
  probe_.sessions.set(static_cast<std::int64_t>(by_client_id_.size()));
  probe_.subscriptions.set(static_cast<std::int64_t>(tree_.size()));
  probe_.filter_bytes.set(static_cast<std::int64_t>(filter_bytes_));
  probe_.queued.set(static_cast<std::int64_t>(queued_));
  probe_.away_queue_bytes.set(static_cast<std::int64_t>(away_bytes_));
  probe_.waiting_will_bytes.set(static_cast<std::int64_t>(waiting_will_bytes_));
  probe_.retained.set(static_cast<std::int64_t>(retained_.size()));
  probe_.retained_bytes.set(static_cast<std::int64_t>(retained_.bytes()));
}

result<std::size_t> sessions::restore(contract::state_store& from, std::uint64_t steady_ns) {
  std::size_t unusable = 0;
  result<void> read;
  const auto rows = [&](std::string_view table, auto&& take_row) {
    if (!read) return;
    read = from.scan(table, [&](std::string_view key, std::string_view value) {
      if (!take_row(key, as_bytes(value))) ++unusable;
    });
  };
  rows(sessions_table, [&](std::string_view key, byte_view row) {
    session s;
    if (!decode_session(row, s)) return false;
    session& made = make(key);
    made.expiry_s = s.expiry_s;
    made.is_stored = true;
    for (auto& [filter, granted] : s.subscriptions) {
      granted.subscriber = made.number;
      tree_.put(filter, granted);
      count_filter(made, filter);
    }
    made.subscriptions = std::move(s.subscriptions);
    made.replay = std::move(s.replay);
    set_end(made, steady_ns);
    set_timer(made);
    return true;
  });
  rows(queue_table, [&](std::string_view key, byte_view row) {
    const auto client_id = client_of_queue_key(key);
    session* const s = client_id ? find(*client_id) : nullptr;
    auto entry = decode_entry(row);
    if (s == nullptr || !entry) return false;
    if (!s->queue) s->queue = std::make_unique<mqtt::outbox>(limits_.queue);
    s->queue->restore(std::move(*entry));
    ++queued_;
    count_away(*s);
    return true;
  });
  rows(retained_table, [&](std::string_view, byte_view row) {
    auto m = decode_message(row);
    if (!m) return false;
    (void)retained_.put(std::make_shared<mqtt::forward_message>(std::move(*m)));
    return true;
  });
  // Whoever was here when the node went is gone: the will waits for its delay from now on.
  rows(wills_table, [&](std::string_view key, byte_view row) {
    auto w = decode_will(row);
    if (!w) return false;
    session* s = find(key);
    if (s == nullptr) s = &make(key);
    s->will = std::make_shared<contract::will>(std::move(*w));
    // The row of a session that has one may be older than its expiry.
    const auto wait_s = s->is_stored ? will_delay_s(*s) : s->will->delay_s;
    let_will_wait(*s, steady_ns + wait_s * ns_per_s);
    set_timer(*s);
    return true;
  });
  rows(due_wills_table,
       [&](std::string_view key, byte_view row) { return due_wills_.restore(key, row); });
  publish_gauges();
  if (!read) return tl::unexpected(std::move(read.error()));
  return unusable;
}

}  // namespace fleetgate::sessions
