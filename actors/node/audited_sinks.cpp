#include "actors/node/audited_sinks.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "actors/node/sink_list.hpp"

namespace fleetgate::node {
namespace {

void take(const sink::sqlite_counts& found, audited_sink& into) {
  const auto reader = std::find_if(found.readers.begin(), found.readers.end(),
                                   [&](const auto& r) { return r.name == into.name; });
  if (reader == found.readers.end()) {
    into.unknown = "it has delivered nothing to this database yet";
    return;
  }
  into.said.name = into.name;
  into.said.lanes = reader->lanes;
  into.said.rows = found.rows;
  into.said.uncounted_rows = found.uncounted;
  into.said.removed_rows = found.removed;
  for (const auto& r : found.readers) {
    for (const contract::reader_lane& lane : r.lanes) into.said.delivered += lane.delivered;
  }
  into.spool = reader->at.spool;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    into.place[i] = {reader->at.lanes[i], reader->lanes[i].ordinal.value_or(0)};
  }
}

}  // namespace

std::vector<audited_sink> read_sinks(const std::string& data_dir) {
  const auto listed = read_sink_list(data_dir);
  std::vector<audited_sink> sinks;
  if (!listed) {
    sinks.push_back(
        {"-", "-",
         "the data directory does not say which sinks there are: " + listed.error().detail});
    return sinks;
  }
  for (const listed_sink& s : *listed) {
    audited_sink& sink = sinks.emplace_back();
    sink.name = s.name;
    sink.database = s.database;
    const auto found = sink::read_counts(s.database);
    if (found)
      take(*found, sink);
    else
      sink.unknown = found.error().detail;
  }
  return sinks;
}

void compare_only_readers_of(const contract::run_account& run, std::vector<audited_sink>& sinks) {
  for (audited_sink& s : sinks) {
    if (!s.unknown.empty()) continue;
    if (std::memcmp(run.spool.data(), s.spool.bytes.data(), sizeof(run.spool)) == 0) continue;
    s.unknown = "its cursor is one of another spool, " + to_string(s.spool);
  }
}

std::vector<spool::reader_place> places_of(const std::vector<audited_sink>& sinks) {
  std::vector<spool::reader_place> places;
  for (const audited_sink& s : sinks) {
    if (s.unknown.empty()) places.push_back(s.place);
  }
  return places;
}

void take(const spool::spool_recount& counted, std::vector<audited_sink>& sinks) {
  std::size_t reader = 0;
  for (audited_sink& s : sinks) {
    if (!s.unknown.empty()) continue;
    for (std::size_t i = 0; i < model::lane_count; ++i) {
      const spool::lane_behind& behind = counted[i].behind[reader];
      s.said.behind[i] = {behind.gone, behind.intact, behind.damaged, behind.ordinal};
    }
    ++reader;
  }
}

}  // namespace fleetgate::node
