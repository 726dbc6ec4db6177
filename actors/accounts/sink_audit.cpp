#include "actors/accounts/sink_audit.hpp"

#include <algorithm>

namespace fleetgate::accounts {
namespace {

/// A sink may have read what the journal has shown it and not counted as durable yet; never more
/// than was appended.
std::uint64_t ahead(std::uint64_t ordinal, std::uint64_t durable, std::uint64_t last) {
  return std::max(std::min(ordinal, last), durable) - durable;
}

}  // namespace

std::vector<equation> audit_sink(const statement& s, const sink_statement& sink) {
  std::vector<equation> all;
  const std::string of = "sink " + sink.name + " ";
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const contract::reader_lane& lane = sink.lanes[i];
    if (!lane.ordinal) continue;
    const behind_cursor& behind = sink.behind[i];
    const std::string in(to_string(static_cast<model::lane>(i)));
    const std::uint64_t durable = s.journal.durable[i];
    all.push_back({of + in,
                   {{"durable", durable},
                    {"ahead", ahead(*lane.ordinal, durable, s.journal.last[i])},
                    {"replayed", lane.replayed}},
                   {{"uncounted", lane.uncounted},
                    {"delivered", lane.delivered},
                    {"filtered", lane.filtered},
                    {"shed", lane.shed},
                    {"damaged", lane.damaged},
                    {"behind", behind.intact},
                    {"behind_damaged", behind.damaged},
                    {"behind_removed", behind.removed}}});
    if (!behind.ordinal) continue;
    all.push_back(
        {of + "cursor " + in, {{"in_files", *behind.ordinal}}, {{"ordinal", *lane.ordinal}}});
  }
  all.push_back({of + "rows",
                 {{"uncounted", sink.uncounted_rows}, {"delivered", sink.delivered}},
                 {{"rows", sink.rows}, {"removed", sink.removed_rows}}});
  return all;
}

}  // namespace fleetgate::accounts
