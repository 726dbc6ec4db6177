#include "actors/sessions/sessions_actor.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <caf/behavior.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <utility>

#include "actors/runtime/clock.hpp"
#include "actors/sessions/copied_message.hpp"
#include "actors/sessions/rows.hpp"

namespace fleetgate::sessions {
namespace {

constexpr std::size_t block_bytes = 256 * 1024;
constexpr std::size_t block_records = 512;
constexpr int blocks_per_turn = 4;
constexpr std::size_t events_per_turn = 1024;
constexpr std::size_t event_bytes_per_turn = 4 << 20;
constexpr std::size_t commands_per_turn = 64;
/// While nobody wants messages the cursor follows the spool's end in such steps.
constexpr std::uint64_t jump_interval_ns = 1'000'000'000;
/// And is noted in the store in such steps, where nothing else is.
constexpr std::uint64_t note_interval_ns = 5'000'000'000;
/// The state store failed: the next try.
constexpr std::int64_t retry_ns = 1'000'000'000;
/// Subscribers come behind those who publish where there are not processors enough.
constexpr int niceness = 5;

constexpr std::string_view cursor_key = "cursor";

/// A message with its place in the memory budget.
struct charged_message {
  mqtt::forward_message message;
  runtime::memory_charge charge;
};

std::size_t weight_of(const model::envelope& e) noexcept {
  return sizeof(charged_message) + e.topic.size() + e.payload.size() + e.properties.size() +
         e.client_id.size();
}

}  // namespace

result<contract::cursor> stored_cursor(contract::state_store& store) {
  const auto row = store.get(cursor_table, cursor_key);
  if (!row) return tl::unexpected<fault>(row.error());
  if (!*row) return contract::cursor{};
  return decode_cursor(as_bytes(**row)).value_or(contract::cursor{});
}

sessions_actor::sessions_actor(std::shared_ptr<sessions_parts> parts, const sessions_limits& limits,
                               contract::subscriber_mail& mail, contract::command_mail& commands,
                               contract::journal_mail& journal, contract::state_store& store,
                               runtime::memory_budget& budget, observe::sessions_probe& probe,
                               observe::logger& log)
    : parts_(std::move(parts)),
      mail_(mail),
      commands_(commands),
      journal_(journal),
      store_(store),
      budget_(budget),
      probe_(probe),
      log_(log),
      brain_(limits, mail.to_shards.size(), probe,
             [this](const model::envelope& e) { return copy(e); }) {}

result<void> sessions_actor::restore() {
  const auto unusable = brain_.restore(store_, runtime::steady_now_ns());
  if (!unusable) return tl::unexpected(unusable.error());
  if (*unusable != 0) {
    log_.error("sessions.damaged", {{"rows", *unusable},
                                    {"effect", "subscriptions or messages of clients are lost"},
                                    {"next", "clients subscribe again when they come back"}});
  }
  return {};
}

caf::behavior sessions_actor::make_behavior() {
  wakes_at_ns_ = 0;
  // An exception may have come in the middle of a block.
  if (begun_ && !parts_->reader->seek(at_)) jump_to_end();
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
  caf::anon_send(self(), runtime::wake_atom::value);
  return {
      [this](runtime::wake_atom) { turn(); },
      [this](drain_atom) {
        do turn();
        while (finish() && has_events());
        note_cursor();
        return finish();
      },
  };
}

/// In the actor's own thread, as all that reads the spool.
void sessions_actor::begin() {
  if (std::exchange(begun_, true)) return;
  at_ = parts_->from;
  if (at_ == contract::cursor{} || !parts_->reader->seek(at_)) jump_to_end();
}

void sessions_actor::turn() {
  begin();
  // News that nobody wants now are looked at with the next jump.
  if (wants_road() || jump_is_due()) parts_->news->changed.lower();
  mail_.room.lower();
  if (!finish()) return;
  const bool more_of_road = read_road();
  const bool more_events = read_events();
  const bool more_retained = brain_.replay(runtime::unix_now_ns());
  brain_.on_time(runtime::steady_now_ns());
  const bool all_out = finish();
  report_progress();
  if (all_out && (more_of_road || more_events || more_retained)) {
    caf::anon_send(self(), runtime::wake_atom::value);
  } else {
    wait();
  }
}

bool sessions_actor::has_events() const {
  const auto waiting = [](const auto& box) {
    return box.depth(model::traffic_class::control).items != 0;
  };
  return waiting(mail_.settled_wills.box()) ||
         (!brain_.full_of_wills() && waiting(mail_.events.box()));
}

bool sessions_actor::wants_road() const {
  return catching_up_ || brain_.has_subscriptions() || parts_->reader->has_retained_behind(at_);
}

bool sessions_actor::jump_is_due() const {
  return runtime::steady_now_ns() >= next_jump_ns_;
}

/// True where there may be more.
bool sessions_actor::read_road() {
  if (!wants_road()) {
    if (jump_is_due()) jump_to_end();
    return false;
  }
  for (int left = blocks_per_turn; left != 0; --left) {
    if (!read_block()) return false;
  }
  return true;
}

bool sessions_actor::read_block() {
  const contract::cursor before = at_;
  const auto read = parts_->reader->read(block_, block_bytes, block_records);
  if (!read) {
    log_.error("sessions.read_failed", {{"reason", to_string(read.error())}});
    wake_in(retry_ns);
    return false;
  }
  probe_.damaged.add(block_.damaged);
  probe_.shed.add(block_.shed);
  const auto now_ns = runtime::unix_now_ns();
  for (const auto& r : block_.records) {
    if (r.envelope.kind == model::record_kind::message) brain_.publish(r.envelope, now_ns);
  }
  at_ = block_.end;
  cursor_changed_ |= at_ != before;
  probe_.lag_records.set(static_cast<std::int64_t>(parts_->reader->lag_records()));
  if (!block_.empty() || at_ != before) return true;
  catching_up_ = false;
  return false;
}

/// What is to be retained is never jumped over: `end` comes before the look.
void sessions_actor::jump_to_end() {
  const contract::cursor end = parts_->reader->end();
  if (parts_->reader->has_retained_behind(at_)) return;
  if (at_ == end || !parts_->reader->seek(end)) return;
  at_ = end;
  cursor_changed_ = true;
  next_jump_ns_ = runtime::steady_now_ns() + jump_interval_ns;
  probe_.lag_records.set(0);
}

/// The first subscriber is shown what comes from now on. True where there may be more.
bool sessions_actor::read_events() {
  if (!brain_.has_subscriptions() && !catching_up_) jump_to_end();
  const moment now{runtime::steady_now_ns(), runtime::unix_now_ns()};
  mail_.settled_wills.read(events_per_turn, [&](auto, const contract::will_settled& s) {
    brain_.take(s, now.steady_ns);
  });
  const std::size_t n = read_client_events(now);
  const auto c = commands_.to_subscribers.read(
      commands_per_turn,
      [&](auto, const contract::command_delivery_ptr& d) { brain_.command(*d, now.unix_ns); });
  return has_events() || c == commands_per_turn || (n != 0 && brain_.has_subscriptions());
}

/// One may ask for as much as a client takes at once: they end where they have brought enough.
std::size_t sessions_actor::read_client_events(const moment& now) {
  if (brain_.full_of_wills()) return 0;
  const auto& box = mail_.events.box();
  const auto accepted = box.accepted();
  const auto most_bytes = brain_.out().bytes + event_bytes_per_turn;
  const auto waiting = [&] { return box.depth(model::traffic_class::control).items; };
  std::size_t n = 0;
  for (; n != events_per_turn && brain_.out().bytes < most_bytes && waiting() != 0; ++n) {
    mail_.events.read_lane(model::traffic_class::control, 1,
                           [&](const contract::client_event& e) { brain_.take(e, now); });
  }
  if (waiting() == 0) mail_.events.doze_since(accepted);
  return n;
}

void sessions_actor::note_cursor() {
  if (!std::exchange(cursor_changed_, false)) return;
  brain_.out().change(cursor_table, std::string(cursor_key), encode_cursor(at_));
  next_note_ns_ = runtime::steady_now_ns() + note_interval_ns;
}

/// False: the store or a shard does not take it now, and nothing further may be done before.
bool sessions_actor::finish() {
  effects& out = brain_.out();
  const bool is_due = runtime::steady_now_ns() >= next_note_ns_;
  if (!out.changes.empty() || is_due) note_cursor();
  if (!out.changes.empty()) {
    if (const auto stored = store_.apply(out.changes); !stored) {
      log_.error("sessions.write_failed",
                 {{"reason", to_string(stored.error())}, {"next", "it is tried again"}});
      wake_in(retry_ns);
      return false;
    }
    out.changes.clear();
  }
  tell_commands();
  if (hand_over()) return true;
  mail_.room_wanted.store(true);
  return hand_over();
}

void sessions_actor::tell_commands() {
  effects& out = brain_.out();
  for (auto& e : out.told) commands_.tell(std::move(e));
  out.told.clear();
  for (const auto& client : out.ready) commands_.tell_ready(client, {}, true);
  out.ready.clear();
}

/// In their order, but for what may be dropped.
bool sessions_actor::hand_over() {
  effects& out = brain_.out();
  std::size_t posted = 0;
  for (; posted != out.deliveries.size(); ++posted) {
    auto& [shard, delivery] = out.deliveries[posted];
    const std::size_t weight =
        delivery.packets->size() + delivery.to.size() * sizeof(model::connection_ref);
    const auto lane =
        delivery.may_be_dropped ? model::traffic_class::telemetry : model::traffic_class::control;
    if (mail_.to_shards[shard]->deliveries.post(lane, delivery, weight)) continue;
    if (!delivery.may_be_dropped) break;
    probe_.undelivered_there[observe::undelivered::mailbox_full].add(delivery.to.size());
  }
  out.deliveries.erase(out.deliveries.begin(),
                       out.deliveries.begin() + static_cast<std::ptrdiff_t>(posted));
  posted = 0;
  for (auto& [shard, will] : out.wills) {
    const auto& message = will.what->message;
    const std::size_t weight = message.topic.size() + message.payload.size();
    if (!mail_.to_shards[shard]->wills.post(model::traffic_class::control, will, weight)) break;
    ++posted;
  }
  out.wills.erase(out.wills.begin(), out.wills.begin() + static_cast<std::ptrdiff_t>(posted));
  if (out.deliveries.empty()) out.bytes = 0;
  return out.deliveries.empty() && out.wills.empty();
}

void sessions_actor::report_progress() {
  // Only what is noted may go from the spool, and a note that is not on disk is none.
  if (cursor_changed_ || !brain_.out().changes.empty()) return;
  contract::reader_progress p{std::string(reader_name), at_};
  (void)journal_.progress.post(model::traffic_class::control, p, sizeof p);
}

/// Until events come, the spool has news that are wanted, or something is due.
void sessions_actor::wait() {
  const auto now_ns = runtime::steady_now_ns();
  if (const auto due = brain_.next_deadline_ns()) {
    wake_in(static_cast<std::int64_t>(std::max(*due, now_ns) - now_ns));
  }
  if (cursor_changed_ || !jump_is_due()) wake_in(static_cast<std::int64_t>(jump_interval_ns));
}

void sessions_actor::wake_in(std::int64_t ns) {
  const std::uint64_t now_ns = runtime::steady_now_ns();
  const std::uint64_t due_ns = now_ns + static_cast<std::uint64_t>(ns);
  if (wakes_at_ns_ > now_ns && wakes_at_ns_ <= due_ns) return;  // a wake-up comes before
  wakes_at_ns_ = due_ns;
  self()->delayed_anon_send(self(), std::chrono::nanoseconds(ns), runtime::wake_atom::value);
}

mqtt::forward_message_ptr sessions_actor::copy(const model::envelope& e) {
  const std::size_t weight = weight_of(e);
  if (!budget_.has_room_for_subscribers() || !budget_.take(e.cls, weight)) return nullptr;
  auto made = std::make_shared<charged_message>();
  made->charge = runtime::memory_charge(budget_, e.cls, weight);
  made->message = copied(e);
  return {made, &made->message};
}

}  // namespace fleetgate::sessions
