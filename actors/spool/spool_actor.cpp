#include "actors/spool/spool_actor.hpp"

#include <algorithm>
#include <caf/behavior.hpp>
#include <chrono>
#include <utility>

#include "actors/runtime/clock.hpp"

namespace fleetgate::spool {
namespace {

constexpr std::size_t requests_per_turn = 4096;
constexpr std::size_t progress_per_turn = 64;
constexpr std::uint64_t stats_interval_ns = 100'000'000;
/// After a round that took so long, what is urgent goes ahead of the rest of the next one. On a
/// quicker disk that would only cost it more syncs.
constexpr std::uint64_t slow_round_ns = 20'000'000;
/// After one that took so long, the next is as much smaller as it was too long; after a quick one
/// that was full it is twice as large.
constexpr std::uint64_t long_round_ns = 40'000'000, quick_round_ns = 20'000'000;

}  // namespace

spool_actor::spool_actor(runtime::unit& home, spool& brain, contract::journal_mail& mail,
                         std::vector<std::shared_ptr<contract::spool_news>> readers,
                         observe::journal_probe& probe, observe::trace_writer& trace,
                         observe::trace_writer& of_node, observe::logger& log)
    : brain_(brain),
      mail_(mail),
      readers_(std::move(readers)),
      probe_(probe),
      log_(log),
      meter_(probe),
      trace_(trace, of_node, brain.view()),
      timer_(home),
      stats_timer_(home) {}

void spool_actor::begin() {
  if (std::exchange(begun_, true)) return;
  mail_.round_bytes = contract::journal_mail::least_round_bytes;
  const auto& found = brain_.recovered();
  probe_.damaged_records.add(found.damaged_records);
  probe_.torn_bytes.add(found.torn_bytes);
  publish_stats(runtime::steady_now_ns());
  told_records_ = durable_records();
  // What recovery left pending at level `committed` waits for this.
  settled_.required_passed = brain_.required_passed();
  settle();
}

caf::behavior spool_actor::make_behavior() {
  begin();
  return {
      [this](runtime::wake_atom) { turn(); },
      [this](covers_atom, std::uint64_t lsn) {
        brain_.set_snapshot_floor(lsn);
        tell_of_room();
      },
      [this](report_atom) { return report_of(brain_); },
      [this](close_atom) {
        turn();
        const std::uint64_t start_ns = runtime::steady_now_ns();
        const auto closed = brain_.close(start_ns, settled_.settled);
        trace_.note_commit(runtime::steady_now_ns() - start_ns, runtime::unix_now_ns());
        account();
        settle();
        tell_readers();
        if (!closed) log_.error("spool.close_failed", {{"reason", to_string(closed.error())}});
        return closed.has_value();
      },
  };
}

void spool_actor::turn() {
  mail_.progress.read(progress_per_turn, [this](auto, const contract::reader_progress& p) {
    const auto moved = p.goes_back ? brain_.rewind_reader(p.reader, p.at)
                                   : brain_.advance_reader(p.reader, p.at, settled_.settled);
    if (moved)
      settled_.required_passed = brain_.required_passed();
    else
      log_.error("spool.reader_refused",
                 {{"reader", p.reader}, {"reason", to_string(moved.error())}});
  });
  mail_.appends.read(requests_per_turn, [this](auto, const contract::append_request& request) {
    const std::size_t settled = settled_.settled.size();
    brain_.append(request, settled_.settled);
    if (settled_.settled.size() != settled) {
      trace_.note_refused(request, std::span(settled_.settled).subspan(settled),
                          runtime::unix_now_ns());
    }
  });
  trace_.note_shed(brain_.counts(), runtime::unix_now_ns());
  const std::uint64_t now_ns = runtime::steady_now_ns();
  const auto due = brain_.next_deadline_ns();
  const bool is_due = brain_.has_pending() || (due && *due <= now_ns);
  if (is_due && mail_.round != contract::round_step::urgent_written) {
    account();  // before it is on disk: nothing lies there that is in no account
    commit(now_ns);
  }
  account();
  settle();
  tell_readers();
  tell_of_room();
  arm_timer();
  count();
}

/// The round is over, or something has gone: what dedup has left may have room now. In the middle
/// of a round dedup has its turn, too.
void spool_actor::tell_of_room() {
  const bool is_its_turn = mail_.round == contract::round_step::urgent_written;
  if (std::exchange(mail_.room_wanted, false) || is_its_turn) mail_.batches.wake_reader();
}

/// Shows where each lane is, where that is news.
void spool_actor::account() {
  contract::journal_account now = mail_.account.now;
  if (!account_of(brain_, now)) return;
  mail_.account.now = now;
  mail_.account.publish();
}

void spool_actor::commit(std::uint64_t now_ns) {
  using contract::round_step;
  const bool only_urgent =
      is_slow_ && mail_.round == round_step::open && brain_.has_mixed_pending();
  mail_.round = only_urgent ? round_step::urgent_written : round_step::open;
  brain_.commit(now_ns, settled_.settled, only_urgent ? commit_part::urgent : commit_part::all);
  ++probe_.rounds;
  const std::uint64_t took_ns = runtime::steady_now_ns() - now_ns;
  if (!only_urgent) set_pace(took_ns);
  probe_.sync.record(took_ns);
  trace_.note_commit(took_ns, runtime::unix_now_ns());
  if (const auto appended = meter_.count(brain_.counts()); appended != 0) {
    probe_.group.record(appended);
  }
}

void spool_actor::set_pace(std::uint64_t took_ns) {
  using contract::journal_mail;
  is_slow_ = took_ns >= slow_round_ns;
  std::size_t& bytes = mail_.round_bytes;
  const bool was_full = mail_.room_wanted;
  if (took_ns >= long_round_ns)
    bytes = std::max(bytes / (took_ns / quick_round_ns), journal_mail::least_round_bytes);
  else if (was_full && took_ns < quick_round_ns)
    bytes = std::min(bytes * 2, journal_mail::most_round_bytes);
}

/// What was counted is shown at once, what costs a walk over the lanes at most every 100 ms; and
/// once more after the last turn, so that what is shown then is what is.
void spool_actor::count() {
  meter_.count(brain_.counts());
  const std::uint64_t now_ns = runtime::steady_now_ns();
  if (now_ns >= next_stats_ns_) return publish_stats(now_ns);
  if (std::exchange(stats_armed_, true)) return;
  stats_timer_.set(next_stats_ns_, [this] {
    stats_armed_ = false;
    publish_stats(runtime::steady_now_ns());
  });
}

void spool_actor::settle() {
  if (settled_.settled.empty() && !settled_.required_passed) return;
  const std::size_t count = settled_.settled.size();
  settled_.snapshot_wanted = brain_.wants_snapshot();
  if (!mail_.settlements.post(model::traffic_class::control, settled_,
                              count * sizeof(contract::settlement))) {
    return;
  }
  settled_ = {};
}

/// By what is durable, not by what is settled: at level `committed` nothing settles before the
/// readers have it, and a free lane settles before it is synced.
void spool_actor::tell_readers() {
  const std::uint64_t now = durable_records();
  if (now == told_records_) return;
  for (const auto& reader : readers_) {
    reader->durable_records.fetch_add(now - told_records_, std::memory_order_relaxed);
    reader->changed.raise();
  }
  told_records_ = now;
}

std::uint64_t spool_actor::durable_records() const {
  const auto view = brain_.view();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    sum += view->durable_ordinal(static_cast<model::lane>(i));
  }
  return sum;
}

void spool_actor::arm_timer() {
  const auto due = brain_.next_deadline_ns();
  if (!due || *due == armed_ns_) return;
  armed_ns_ = *due;
  timer_.set(*due, [this] {
    armed_ns_ = 0;
    turn();
  });
}

void spool_actor::publish_stats(std::uint64_t now_ns) {
  next_stats_ns_ = now_ns + stats_interval_ns;
  const spool_stats stats = brain_.stats();
  meter_.show(stats);
  report_trouble(stats);
}

void spool_actor::report_trouble(const spool_stats& stats) {
  const std::uint64_t counted = probe_.sync_failures.value();
  if (stats.storage_faults > counted) probe_.sync_failures.add(stats.storage_faults - counted);
  if (stats.trouble.has_value() == in_trouble_) return;
  in_trouble_ = stats.trouble.has_value();
  probe_.storage_trouble.set(in_trouble_ ? 1 : 0);
  if (in_trouble_) {
    trace_.note_trouble(stats.trouble->code, runtime::unix_now_ns());
    log_.error("spool.storage_failed",
               {{"fault", describe(stats.trouble->code).name},
                {"reason", stats.trouble->detail},
                {"effect", "acknowledgements are withheld"},
                {"next", "free space on, or repair, the disk of data_dir; no restart is needed"}});
  } else {
    trace_.note_recovered(runtime::unix_now_ns());
    log_.info("spool.storage_recovered");
  }
}

}  // namespace fleetgate::spool
