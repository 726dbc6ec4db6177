#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

exit_code status(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_node(call, "GET", "/api/v1/status", err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  print_members(*got,
                {{"node", "name"},
                 {"site", "site"},
                 {"version", "version"},
                 {"started", "started_at"},
                 {"ready", "ready"},
                 {"reasons", "reasons"},
                 {"overload", "overload.level"},
                 {"full in s", "overload.telemetry_full_in_seconds"},
                 {"connections", "connections"},
                 {"messages", "messages"},
                 {"rows", "rows"},
                 {"sink lag", "sink_lag_records"},
                 {"memory used", "memory.used_bytes"},
                 {"memory budget", "memory.budget_bytes"},
                 {"spool used", "spool.used_bytes"},
                 {"spool budget", "spool.budget_bytes"}},
                out);
  return exit_code::ok;
}

}  // namespace

verb_group status_verb() {
  return {"status",
          "Show a node at a glance",
          R"(Examples:
  fleetgate status
  fleetgate status -o json | jq .ready
  fleetgate status --admin http://10.0.0.5:9600
)",
          {{"", "", {}, true, status}}};
}

}  // namespace fleetgate::node
