#include <ostream>

#include "actors/node/admin_client.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

const verb_option sink_name{"name", "NAME", "Of a [[sink]]", true, ""};

exit_code list_sinks(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_node(call, "GET", "/api/v1/sinks", err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  print_table((*got)["sinks"],
              {{"NAME", "name"},
               {"STATE", "state"},
               {"REQUIRED", "required"},
               {"LAG", "lag_records"},
               {"ROWS", "rows"},
               {"FAILURES", "failures"},
               {"LAST FAILURE", "last_failure.detail"}},
              out);
  return exit_code::ok;
}

exit_code tell(const verb_call& call, std::string_view what, const std::string& body,
               std::ostream& out, std::ostream& err) {
  const auto got = ask_node(
      call, "POST", "/api/v1/sinks/" + percent_encoded(call.get("name")) + "/" + std::string(what),
      err, body);
  if (!got) return got.error();
  if (call.format == output_format::json)
    print_json(*got, out);
  else
    print_members(*got, {{"sink", "name"}, {"state", "state"}, {"lag", "lag_records"}}, out);
  return exit_code::ok;
}

exit_code pause(const verb_call& call, std::ostream& out, std::ostream& err) {
  return tell(call, "pause", {}, out, err);
}
exit_code resume(const verb_call& call, std::ostream& out, std::ostream& err) {
  return tell(call, "resume", {}, out, err);
}
exit_code replay_sink(const verb_call& call, std::ostream& out, std::ostream& err) {
  const json body{{"from", call.get("--from")},
                  {"allow_duplicates", call.get("--allow-duplicates") == "true"}};
  return tell(call, "replay", body.dump(-1, ' ', false, json::error_handler_t::replace), out, err);
}

}  // namespace

verb_group sink_verbs() {
  return {"sinks",
          "List, pause, resume and replay the sinks of a node",
          R"(Examples:
  fleetgate sinks ls
  fleetgate sinks pause fleet && cp fleet.db /backup/ && fleetgate sinks resume fleet
  fleetgate sinks resume fleet                     after a fault that stopped it was mended
  fleetgate sinks replay fleet --from 1-42 --allow-duplicates

While a required sink is paused the spool grows, and at its budget devices are made to wait.
)",
          {{"ls", "List them with state and lag", {}, true, list_sinks},
           {"pause", "Deliver nothing until resume or the next start", {sink_name}, true, pause},
           {"resume", "Go on, and try again at once", {sink_name}, true, resume},
           {"replay",
            "Deliver again what the spool still has",
            {sink_name,
             {"--from", "POSITION", "Begin there, or at the \"beginning\"", true, ""},
             {"--allow-duplicates", "", "Though the store would have rows twice", false, ""}},
            true,
            replay_sink}}};
}

}  // namespace fleetgate::node
