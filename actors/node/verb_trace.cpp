#include <ostream>

#include "actors/node/node_files.hpp"
#include "actors/node/trace_text.hpp"
#include "actors/node/verbs.hpp"
#include "actors/runtime/clock.hpp"

namespace fleetgate::node {
namespace {

exit_code trace(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto limit = count_of(call, "--limit", err);
  if (!limit) return limit.error();
  const auto want = filter_of(call, runtime::unix_now_ns(), err);
  if (!want) return want.error();
  const auto files = find_node_files(call, err);
  if (!files) return files.error();
  const auto found = observe::read_recordings(
      files->data_dir, [&](const observe::trace_record& r) { return want->passes(r); });
  if (!found) return complain_of_recording(call, found.error(), err);

  const std::size_t all = found->lines.size();
  json events = json::array();
  for (std::size_t i = all - std::min(all, *limit); i < all; ++i) {
    events.push_back(to_json(found->lines[i], *found));
  }
  if (call.format == output_format::json) {
    print_json({{"events", std::move(events)}, {"recording", reach_of(*found)}}, out);
  } else {
    print_table(events,
                {{"AT", "at"},
                 {"THREAD", "thread"},
                 {"EVENT", "event"},
                 {"CLASS", "class"},
                 {"LANE", "lane"},
                 {"WHO", "subject"},
                 {"SEQUENCE", "sequence"},
                 {"FAULT", "fault"},
                 {"COUNT", "count"},
                 {"POSITIONS", "positions"},
                 {"US", "duration_us"},
                 {"TRACE", "trace_id"}},
                out);
  }
  tell_reach(call, *found, err);
  if (all > *limit) {
    err << call.words << ": the newest " << *limit << " of " << all << "; raise --limit\n";
  }
  return found->unread.empty() ? exit_code::ok : exit_code::io_error;
}

}  // namespace

verb_group trace_verb() {
  return {"trace",
          "See what a node's flight recorder noted, also after a crash",
          R"(Examples:
  fleetgate trace --data-dir fleetgate-data                      the newest events
  fleetgate trace --anomalies --since 10m                        what was out of order of late
  fleetgate trace --device press-1 --event message.duplicate -o json

It needs no node: it reads the files of one that runs, or that was killed.
)",
          {{"",
            "See what a node's flight recorder noted, also after a crash",
            {{"--data-dir", "DIR", "The node's data_dir", false, ""},
             {"--config", "FILE", "The node's configuration, which names it", false, ""},
             {"--device", "DEVICE", "Only of this device, client or sink", false, ""},
             {"--trace-id", "ID", "Only of this message", false, ""},
             {"--class", "CLASS", "Only of this traffic class", false, ""},
             {"--event", "NAME", "Only this event, such as message.refused", false, ""},
             {"--since", "TIME", "Not before: RFC 3339, or how long ago (10m)", false, ""},
             {"--until", "TIME", "Not after", false, ""},
             {"--anomalies", "", "Only what is out of order", false, ""},
             {"--limit", "N", "At most the newest N", false, "1000"}},
            false,
            trace}}};
}

}  // namespace fleetgate::node
