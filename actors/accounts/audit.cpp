#include "actors/accounts/audit.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "actors/accounts/history.hpp"

namespace fleetgate::accounts {
namespace {

using equations = std::vector<equation>;

std::uint64_t sum(const std::vector<term>& terms) {
  return std::accumulate(terms.begin(), terms.end(), std::uint64_t{0},
                         [](std::uint64_t so_far, const term& t) { return so_far + t.value; });
}

std::uint64_t sum(const contract::count_by_lane& values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

/// What may wait between two stages: nothing after a drain, and never less than nothing.
std::uint64_t waiting(std::int64_t found, bool drained) {
  return found < 0 || drained ? 0 : static_cast<std::uint64_t>(found);
}

contract::shard_account sum_of(const std::vector<contract::shard_account>& shards) {
  contract::shard_account all;
  for (const auto& shard : shards) {
    for (std::size_t c = 0; c < model::traffic_class_count; ++c) {
      all.received[c] += shard.received[c];
      all.shed[c] += shard.shed[c];
      all.sent_back[c] += shard.sent_back[c];
      all.posted[c] += shard.posted[c];
      all.batched[c] += shard.batched[c];
    }
  }
  return all;
}

void audit_shards(const statement& s, equations& all) {
  const bool drained = s.run.drained != 0;
  const contract::shard_account shards = sum_of(s.shards);
  for (const auto cls : model::all_traffic_classes) {
    const std::size_t c = model::index(cls);
    const std::string of = " " + std::string(to_string(cls));
    const auto between = [drained](std::uint64_t earlier, std::uint64_t later) {
      return waiting(static_cast<std::int64_t>(earlier - later), drained);
    };
    all.push_back({"ingress" + of,
                   {{"received", shards.received[c]}},
                   {{"shed", shards.shed[c]},
                    {"sent_back", shards.sent_back[c]},
                    {"posted", shards.posted[c]}}});
    all.push_back({"parser" + of,
                   {{"posted", shards.posted[c]}},
                   {{"batched", shards.batched[c]},
                    {"waiting", between(shards.posted[c], shards.batched[c])}}});
    all.push_back({"hand-over" + of,
                   {{"batched", shards.batched[c]}},
                   {{"taken", s.journal.taken[c]},
                    {"waiting", between(shards.batched[c], s.journal.taken[c])}}});
  }
}

void audit_journal(const statement& s, equations& all) {
  const auto& j = s.journal;
  all.push_back({"hand-over in turn", {{"out_of_turn", j.out_of_turn}}, {}});
  all.push_back(
      {"dedup",
       {{"taken", totals_of(s).taken}},
       {{"duplicates", j.duplicates}, {"turned_away", j.turned_away}, {"passed_on", j.passed_on}}});
  all.push_back({"spool",
                 {{"passed_on", j.passed_on}},
                 {{"kept", j.kept},
                  {"refused", j.refused_by_spool},
                  {"waiting", waiting(in_flight_of(s).before_spool, s.run.drained != 0)}}});
  all.push_back(
      {"records", {{"kept", j.kept}, {"marks", j.marks}}, {{"appended", sum(j.appended)}}});
  all.push_back(
      {"positions",
       {{"last_lsn", j.last_lsn}},
       {{"base_lsn", j.base_lsn}, {"appended", sum(j.appended)}, {"given_up", j.lsns_given_up}}});
}

void audit_lane(const statement& s, std::size_t i, const lane_files& files,
                std::uint64_t last_later, equations& all) {
  const auto& j = s.journal;
  const std::string of = " " + std::string(to_string(static_cast<model::lane>(i)));
  all.push_back(
      {"lane" + of, {{"base", j.base[i]}, {"appended", j.appended[i]}}, {{"last", j.last[i]}}});
  const auto not_durable = static_cast<std::int64_t>(j.last[i] - j.durable[i]);
  all.push_back(
      {"durable" + of,
       {{"last", j.last[i]}},
       {{"durable", j.durable[i]}, {"waiting", waiting(not_durable, s.run.drained != 0)}}});
  all.push_back({"files" + of,
                 {{"durable", j.durable[i]}},
                 {{"gone", files.gone}, {"intact", files.intact}, {"damaged", files.damaged}}});
  all.push_back({"files beyond" + of,
                 {{"beyond", files.last > last_later ? files.last - last_later : 0}},
                 {}});
  all.push_back(
      {"starts" + of,
       {{"begun", s.run.begun[i]},
        {"appended", s.run.appended[i]},
        {"uncounted", s.run.uncounted[i]}},
       {{"base", j.base[i]}, {"unwritten", s.run.unwritten[i]}, {"missing", s.run.missing[i]}}});
  all.push_back({"durable and missing" + of, {{"missing", s.run.missing[i]}}, {}});
}

/// Over this run and all before it.
void audit_whole(const statement& s, equations& all) {
  const totals t = totals_of(s);
  const auto& j = s.journal;
  const auto& r = s.run;
  all.push_back({"earlier runs",
                 {{"received", r.received}},
                 {{"shed", r.shed},
                  {"sent_back", r.sent_back},
                  {"duplicates", r.duplicates},
                  {"turned_away", r.turned_away},
                  {"refused", r.refused_by_spool},
                  {"kept", r.kept},
                  {"interrupted", r.interrupted}}});
  all.push_back({"earlier runs' own", {{"unexplained", r.unexplained}}, {}});
  all.push_back({"whole",
                 {{"received", r.received + t.received}},
                 {{"shed", r.shed + t.shed},
                  {"sent_back", r.sent_back + t.sent_back},
                  {"duplicates", r.duplicates + j.duplicates},
                  {"turned_away", r.turned_away + j.turned_away},
                  {"refused", r.refused_by_spool + j.refused_by_spool},
                  {"kept", r.kept + j.kept},
                  {"interrupted", r.interrupted},
                  {"in_flight", waiting(in_flight_of(s).all(), r.drained != 0)}}});
}

}  // namespace

std::int64_t equation::difference() const noexcept {
  return static_cast<std::int64_t>(sum(left) - sum(right));
}

std::vector<equation> audit(const statement& s, const spool_files& files,
                            const contract::count_by_lane& last_later) {
  equations all;
  audit_shards(s, all);
  audit_journal(s, all);
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    audit_lane(s, i, files[i], last_later[i], all);
  }
  audit_whole(s, all);
  return all;
}

bool balanced(const std::vector<equation>& all) noexcept {
  return std::all_of(all.begin(), all.end(), [](const equation& e) { return e.balanced(); });
}

}  // namespace fleetgate::accounts
