#include "actors/dedup/dedup_actor.hpp"

#include <algorithm>
#include <caf/behavior.hpp>
#include <chrono>
#include <utility>

#include "actors/dedup/verdict_trace.hpp"
#include "actors/runtime/clock.hpp"

namespace fleetgate::dedup {
namespace {

/// How full telemetry's queue before dedup is when the oldest that nobody was promised gives way:
/// where new devices are refused, too, and early enough that in the time of a round shards need not
/// refuse the newest.
constexpr std::size_t gives_way_num = 3, gives_way_den = 4;
constexpr std::size_t settlements_per_turn = 64;
constexpr auto tick_interval = std::chrono::seconds(1);
constexpr std::uint64_t snapshot_interval_ns = 30'000'000'000;
constexpr std::uint64_t room_interval_ns = 100'000'000;
constexpr std::size_t snapshot_part_bytes = 4 << 20;

void grow(observe::counter& to, std::uint64_t now, std::uint64_t before) {
  if (now != before) to.add(now - before);
}

std::uint64_t messages_in(const contract::envelope_batch& batch) {
  return static_cast<std::uint64_t>(
      std::count_if(batch.envelopes.begin(), batch.envelopes.end(),
                    [](const model::envelope& e) { return model::is_message(e.kind); }));
}

/// What cannot go on now is refused.
void wait_no_more(contract::envelope_batch& batch) {
  for (model::envelope& e : batch.envelopes) e.waits_for_room = false;
}

std::uint64_t duplicates_of(const dedup_counters& c) noexcept {
  return c.duplicate_settled + c.qos2_duplicate + c.duplicate_waiting + c.redelivered +
         c.quarantine_repeats;
}

}  // namespace

dedup_actor::dedup_actor(runtime::unit& home, dedup& brain, contract::journal_mail& mail,
                         contract::append_gate& gate, const runtime::address& spool,
                         observe::journal_probe& probe, observe::trace_writer& trace,
                         observe::logger& log, window_room_listener on_window_room)
    : brain_(brain),
      mail_(mail),
      gate_(gate),
      spool_(spool),
      probe_(probe),
      trace_(trace),
      log_(log),
      on_window_room_(std::move(on_window_room)),
      timer_(home),
      by_shard_(mail.receipts.size()) {
  probe_.window_limit_bytes.set(static_cast<std::int64_t>(brain.limits().window_bytes));
}

caf::behavior dedup_actor::make_behavior() {
  tick();
  // The answer went to a predecessor, or will: what is there nobody knows.
  if (std::exchange(snapshot_under_way_, false)) {
    ++snapshot_number_;
    brain_.snapshot_stored(false);
  }
  // What was recovered need not be read again by the next start, however soon it comes.
  snapshot_wanted_ = true;
  take_snapshot();
  return {
      [this](runtime::wake_atom) { turn(); },
      [this](stored_atom, std::uint64_t number, bool ok) { snapshot_stored(number, ok); },
      [this](flush_atom) {
        going_down_ = true;
        do turn();
        while (has_batches());
        return true;
      },
      [this](where_atom, const std::string& client_id) { return brain_.connection_of(client_id); },
      [this](snapshot_atom) {
        snapshot_wanted_ = true;
        take_snapshot();
      },
  };
}

void dedup_actor::turn() {
  const std::uint64_t seen = mail_.batches.box().accepted();
  mail_.settlements.read(settlements_per_turn,
                         [this](auto, const contract::settlement_batch& b) { settle(b); });
  bool took_all = true;
  for (const auto cls : model::all_traffic_classes) {
    took_all &= take_waiting(cls);
    took_all &= take_new(cls);
  }
  // What is left waits for the spool, whose turn comes next or when there is room.
  mail_.room_wanted = !took_all;
  mail_.batches.doze_since(seen);
  // Before anybody hears of an end that was not counted.
  if (std::exchange(took_, false)) mail_.account.publish();
  send_receipts();
  tell_shards_of_room();
  publish_counters();
  if (room_wanted_) make_room();
  if (brain_.snapshot_due() && !brain_.store_fails()) {  // where it fails, not before the next tick
    snapshot_wanted_ = true;
    take_snapshot();
  }
  if (mail_.round == contract::round_step::urgent_written) {
    mail_.round = contract::round_step::urgent_answered;
    mail_.appends.wake_reader();
  }
}

/// Of each class one batch a round, beyond that by priority until the round is full.
bool dedup_actor::may_pass(model::traffic_class cls) const {
  if (going_down_) return true;
  if (mail_.round != contract::round_step::open && !model::is_urgent(cls)) return false;
  const auto& round = mail_.appends.box();
  const bool is_full = round.depth(cls).items != 0 && round.bytes() >= mail_.round_bytes;
  return !is_full && !gate_.is_stuck(cls);
}

/// Also for what was passed on and the spool has not seen yet.
bool dedup_actor::spool_has_room(const contract::envelope_batch& batch) {
  if (going_down_) return true;
  return brain_.takes(batch.cls, batch.envelopes.size()) &&
         gate_.make_room(batch.cls, mail_.appends.box().bytes() + batch.charge.bytes());
}

bool dedup_actor::has_room(const contract::envelope_batch& batch) {
  return going_down_ || (brain_.has_windows(batch.cls) && spool_has_room(batch));
}

/// For what is next in it.
bool dedup_actor::has_room(const waiting_room& room) {
  return going_down_ || (brain_.takes(room.front()) && has_room(room.front()));
}

/// True where nothing is left that waits for the spool.
bool dedup_actor::take_waiting(model::traffic_class cls) {
  for (waiting_room& room : brain_.rooms_of(cls)) {
    while (!room.empty() && may_pass(cls) && has_room(room)) {
      auto batch = room.take();
      mail_.account.take_again(cls, messages_in(*batch));
      take(std::move(batch), pressure::in_turn);
    }
  }
  return !waits_for_spool(cls);
}

/// True where nothing is left.
bool dedup_actor::take_new(model::traffic_class cls) {
  const waiting_room& room = brain_.room_of(cls, model::ack_level::durable);
  const auto take_one = [&](auto&& pressed) {
    mail_.batches.read_lane(cls, 1, [&](contract::envelope_batch_ptr batch) {
      mail_.account.take(batch->shard, cls, messages_in(*batch), batch->messages_so_far);
      const pressure how = pressed(*batch);
      take(std::move(batch), how);
    });
  };
  while (cls == model::traffic_class::telemetry && !going_down_ && too_much_waits()) {
    take_one([](const auto&) { return pressure::gives_way; });
  }
  const auto& box = mail_.batches.box();
  while (box.depth(cls).items != 0 && may_pass(cls)) {
    take_one([&](const contract::envelope_batch& batch) {
      return room.empty() && has_room(batch) ? pressure::none : pressure::no_room;
    });
  }
  probe_.withheld[cls].set(withheld(cls));
  return box.depth(cls).items == 0;
}

/// By the spool: what waits for windows is not counted.
std::int64_t dedup_actor::withheld(model::traffic_class cls) {
  std::uint64_t messages = 0;
  for (const waiting_room& room : brain_.rooms_of(cls)) {
    if (room.empty() || (brain_.takes(room.front()) && spool_has_room(room.front()))) continue;
    messages += room.messages();
  }
  return static_cast<std::int64_t>(messages);
}

bool dedup_actor::too_much_waits() const {
  const auto& box = mail_.batches.box();
  const auto depth = box.depth(model::traffic_class::telemetry);
  return depth.bytes > box.limits().bytes / gives_way_den * gives_way_num;
}

/// Where too much is pending, it waits for settlements, and where windows are missing, for the
/// snapshot: they come by themselves.
bool dedup_actor::waits_for_spool(model::traffic_class cls) const {
  const auto& rooms = brain_.rooms_of(cls);
  if (!brain_.has_windows(cls)) return false;
  return std::any_of(rooms.begin(), rooms.end(), [this](const waiting_room& room) {
    return !room.empty() && brain_.takes(room.front());
  });
}

bool dedup_actor::has_batches() const {
  return std::any_of(model::all_traffic_classes.begin(), model::all_traffic_classes.end(),
                     [this](model::traffic_class cls) {
                       const auto& rooms = brain_.rooms_of(cls);
                       return mail_.batches.box().depth(cls).items != 0 ||
                              std::any_of(rooms.begin(), rooms.end(),
                                          [](const auto& room) { return !room.empty(); });
                     });
}

void dedup_actor::settle(const contract::settlement_batch& batch) {
  for (const auto& s : batch.settled) brain_.settle(s, receipts_);
  room_wanted_ |= batch.snapshot_wanted;
  if (batch.required_passed && brain_.recovered_pending() != 0) {
    brain_.required_passed(*batch.required_passed, receipts_);
  }
}

void dedup_actor::take(contract::envelope_batch_ptr batch, pressure how) {
  if (going_down_) wait_no_more(*batch);
  const std::uint64_t now_ns = runtime::steady_now_ns();
  const std::uint64_t duplicates = duplicates_of(brain_.counters());
  const std::uint64_t turned_away = brain_.refusals().all_messages;
  const auto cls = batch->cls;
  if (!batch->envelopes.empty()) {
    probe_.wait.record(now_ns - batch->envelopes.front().received_steady_ns);
  }
  const std::int64_t unix_ns = runtime::unix_now_ns();
  admitted result = admit(brain_, std::move(batch), how, now_ns, receipts_,
                          [&](const model::envelope& e, bool goes_on, auto answers) {
                            if (model::is_message(e.kind)) ++probe_.envelopes[e.cls];
                            if (goes_on && e.kind != model::record_kind::quarantined) return;
                            note_verdict(trace_, e, goes_on, answers, unix_ns);
                          });
  took_ = true;
  mail_.account.put_aside(cls, result.put_aside);
  mail_.account.now.passed_on += result.passed_on;
  mail_.account.now.duplicates += duplicates_of(brain_.counters()) - duplicates;
  mail_.account.now.turned_away += brain_.refusals().all_messages - turned_away;
  if (result.request.items.empty()) return;
  if (!mail_.appends.post(cls, result.request, result.bytes)) {
    log_.error("journal.append_refused",
               {{"reason", "the spool's mailbox is bounded by the intake"}});
  }
}

void dedup_actor::send_receipts() {
  if (by_shard_.size() == 1) by_shard_.front().reserve(receipts_.size());
  for (const auto& r : receipts_) {
    if (r.to.generation != 0 && r.to.shard < by_shard_.size()) by_shard_[r.to.shard].push_back(r);
    if (r.result == model::outcome::stored && r.kind == model::record_kind::message) {
      ++probe_.settled[r.cls];
    }
  }
  receipts_.clear();
  for (std::size_t s = 0; s < by_shard_.size(); ++s) {
    auto& batch = by_shard_[s];
    if (batch.empty()) continue;
    const std::size_t bytes = batch.size() * sizeof(model::receipt);
    if (!mail_.receipts[s]->post(model::traffic_class::control, batch, bytes)) continue;
    batch = {};
  }
}

void dedup_actor::tell_shards_of_room() {
  for (auto& room : mail_.room) {
    if (room.wanted.exchange(false)) room.changed.raise();
  }
}

void dedup_actor::tick() {
  timer_.set_after(tick_interval, [this] {
    const std::uint64_t now_ns = runtime::steady_now_ns();
    on_time(now_ns);
    if (now_ns >= next_snapshot_ns_ || brain_.snapshot_due()) snapshot_wanted_ = true;
    take_snapshot();
    for (const auto cls : model::all_traffic_classes) room_wanted_ |= waits_for_spool(cls);
    if (room_wanted_) make_room();
    tick();
  });
}

void dedup_actor::on_time(std::uint64_t now_ns) {
  const bool had_windows = brain_.has_windows(model::traffic_class::telemetry);
  brain_.on_time(now_ns);
  if (!had_windows && brain_.has_windows(model::traffic_class::telemetry)) turn();
  const window_room now = room_for_windows();
  if (std::exchange(window_room_, now) != now) on_window_room_(now);
}

window_room dedup_actor::room_for_windows() const {
  if (!brain_.store_fails()) return window_room::enough;
  if (!brain_.has_windows(model::traffic_class::telemetry)) return window_room::waits;
  return told_of_duplicates_ ? window_room::goes_without : window_room::enough;
}

/// Segments that only the snapshot still needs are given back as soon as room is wanted.
void dedup_actor::make_room() {
  const std::uint64_t now_ns = runtime::steady_now_ns();
  if (now_ns < next_room_ns_) return;
  next_room_ns_ = now_ns + room_interval_ns;
  room_wanted_ = false;
  snapshot_wanted_ = true;
  take_snapshot();
}

void dedup_actor::take_snapshot() {
  if (snapshot_under_way_ || !(snapshot_wanted_ || brain_.snapshot_incomplete())) return;
  contract::snapshot s;
  snapshot_covers_ = brain_.snapshot(s.changes, snapshot_part_bytes);
  snapshot_wanted_ = false;
  next_snapshot_ns_ = runtime::steady_now_ns() + snapshot_interval_ns;
  s.number = ++snapshot_number_;
  if (s.changes.empty()) return snapshot_stored(s.number, true);
  snapshot_under_way_ = mail_.snapshots.post(model::traffic_class::control, s, 0);
  if (!snapshot_under_way_) brain_.snapshot_stored(false);
}

void dedup_actor::snapshot_stored(std::uint64_t number, bool ok) {
  if (number != snapshot_number_) return;  // it was given up
  snapshot_under_way_ = false;
  brain_.snapshot_stored(ok);
  if (ok) {
    told_of_duplicates_ = false;
    spool_.send(covers_atom::value, snapshot_covers_);
    take_snapshot();
  } else {
    log_.warn("state.snapshot_failed", {{"next", "it is tried again; see the disk of data_dir"}});
  }
  if (has_batches()) turn();  // what waits for windows
}

/// The brain counts since its start; the probe's counters only grow by what is new.
void dedup_actor::publish_counters() {
  const dedup_counters& c = brain_.counters();
  using kind = observe::duplicate_kind;
  grow(probe_.duplicates[kind::settled], c.duplicate_settled + c.qos2_duplicate,
       published_.duplicate_settled + published_.qos2_duplicate);
  grow(probe_.duplicates[kind::pending], c.duplicate_waiting, published_.duplicate_waiting);
  grow(probe_.duplicates[kind::redelivered], c.redelivered, published_.redelivered);
  grow(probe_.duplicates[kind::quarantined], c.quarantine_repeats, published_.quarantine_repeats);
  grow(probe_.below_window, c.below_window, published_.below_window);
  grow(probe_.unread_rows, c.cold_faults, published_.cold_faults);
  grow(probe_.without_window, c.windows_refused, published_.windows_refused);
  if (c.windows_refused != published_.windows_refused && brain_.store_fails()) tell_of_duplicates();
  grow(probe_.epochs_inferred, c.new_epoch_inferred, published_.new_epoch_inferred);
  probe_.windows.set(static_cast<std::int64_t>(c.windows));
  probe_.window_bytes.set(static_cast<std::int64_t>(c.window_bytes));
  published_ = c;
  publish_refusals();
}

/// Once until a snapshot is stored.
void dedup_actor::tell_of_duplicates() {
  if (std::exchange(told_of_duplicates_, true)) return;
  log_.error("dedup.without_window",
             {{"reason", "memory is full of duplicate windows that state.db does not take"},
              {"effect", "what new devices send is kept, and kept once more when it comes again"},
              {"next", "see who locks state.db, and the disk of data_dir"}});
}

void dedup_actor::publish_refusals() {
  const refusal_counts& now = brain_.refusals();
  refusal_counts& before = published_refusals_;
  if (now.total == before.total) return;
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto code = static_cast<fault_code>(i);
    grow(probe_.refused[code], now.messages[i], before.messages[i]);
    grow(probe_.marks_refused[code], now.marks[i], before.marks[i]);
    for (const auto cls : model::all_traffic_classes) {
      const std::size_t c = model::index(cls);
      grow(probe_.given_up[cls][code], now.given_up[c][i], before.given_up[c][i]);
    }
  }
  before = now;
}

}  // namespace fleetgate::dedup
