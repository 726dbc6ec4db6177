#include "actors/accounts/history.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace fleetgate::accounts {
namespace {

std::uint64_t sum(const contract::count_by_class& by_class) {
  return std::accumulate(by_class.begin(), by_class.end(), std::uint64_t{0});
}

std::int64_t difference(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a - b);
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

/// By how much its own numbers disagree.
std::uint64_t contradiction(const statement& s, const totals& t) {
  const auto& j = s.journal;
  const in_flight left = in_flight_of(s);
  std::uint64_t off = distance(t.received, t.shed + t.sent_back + t.posted) +
                      distance(t.taken, j.duplicates + j.turned_away + j.passed_on) + j.out_of_turn;
  for (const auto stage : {left.before_parser, left.before_journal, left.before_spool}) {
    if (stage < 0 || s.run.drained != 0) off += static_cast<std::uint64_t>(std::abs(stage));
  }
  return off;
}

void take_lane(const statement& before, const found_spool& found, bool may_be_old, std::size_t i,
               contract::run_account& run) {
  const auto& j = before.journal;
  run.appended[i] += j.appended[i];
  const std::uint64_t counted = j.base[i] + j.appended[i], there = found.last[i];
  run.unexplained += distance(counted, j.last[i]);
  if (there > counted) {
    run.uncounted[i] += there - counted;
    if (!may_be_old) run.unexplained += there - counted;
    return;
  }
  const std::uint64_t durable_lost = j.durable[i] > there ? j.durable[i] - there : 0;
  run.missing[i] += durable_lost;
  run.unwritten[i] += counted - there - durable_lost;
}

}  // namespace

totals totals_of(const statement& s) {
  totals t;
  for (const auto& shard : s.shards) {
    t.received += sum(shard.received);
    t.shed += sum(shard.shed);
    t.sent_back += sum(shard.sent_back);
    t.posted += sum(shard.posted);
    t.batched += sum(shard.batched);
  }
  t.taken = sum(s.journal.taken);
  return t;
}

in_flight in_flight_of(const statement& s) {
  const totals t = totals_of(s);
  return {difference(t.posted, t.batched), difference(t.batched, t.taken),
          difference(s.journal.passed_on, s.journal.kept + s.journal.refused_by_spool)};
}

contract::run_account begin(const found_spool& found) {
  contract::run_account run;
  run.spool = found.uuid;
  run.boot = found.boot;
  run.incarnation = found.incarnation;
  run.begun = found.last;
  return run;
}

contract::run_account go_on(const statement& before, const found_spool& found) {
  if (before.run.spool != found.uuid) return begin(found);
  contract::run_account run = before.run;
  run.boot = found.boot;
  run.incarnation = found.incarnation;
  run.drained = 0;
  ++run.runs;
  const totals t = totals_of(before);
  const auto& j = before.journal;
  run.received += t.received;
  run.shed += t.shed;
  run.sent_back += t.sent_back;
  run.duplicates += j.duplicates;
  run.turned_away += j.turned_away;
  run.refused_by_spool += j.refused_by_spool;
  run.kept += j.kept;
  const bool may_be_old = before.run.boot != found.boot;
  if (may_be_old) {
    // Each section reached the disk by itself: a shard's may be older than the journal's.
    const std::uint64_t ended = run.shed + run.sent_back + run.duplicates + run.turned_away +
                                run.refused_by_spool + run.kept;
    run.received = std::max(run.received, ended + run.interrupted);
    run.interrupted = run.received - ended;
  } else {
    // More ends than messages are a contradiction, and no number of messages.
    const std::int64_t open = in_flight_of(before).all();
    run.interrupted += static_cast<std::uint64_t>(std::max<std::int64_t>(open, 0));
    run.unexplained += contradiction(before, t);
  }
  for (std::size_t i = 0; i < model::lane_count; ++i) take_lane(before, found, may_be_old, i, run);
  return run;
}

std::optional<start_findings> findings(const contract::run_account& before,
                                       const contract::run_account& now) {
  if (before.spool != now.spool) return std::nullopt;
  start_findings found;
  found.interrupted = now.interrupted - before.interrupted;
  found.unexplained = now.unexplained - before.unexplained;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    found.missing += now.missing[i] - before.missing[i];
    found.unwritten += now.unwritten[i] - before.unwritten[i];
  }
  return found;
}

}  // namespace fleetgate::accounts
