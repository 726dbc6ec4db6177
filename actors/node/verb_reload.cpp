#include <ostream>

#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

void print_changes(const json& got, std::ostream& out) {
  const json changes = got.value("changes", json::array());
  if (changes.empty()) {
    out << "the configuration is in force as it is written\n";
    return;
  }
  print_table(changes, {{"KEY", "key"}, {"WAS", "was"}, {"NOW", "now"}, {"EFFECT", "effect"}}, out);
  if (const auto more = got.value("left_out", 0u); more != 0) out << "and " << more << " more\n";
  const auto waiting = got.value("needs_restart", 0u);
  if (waiting == 0) return;
  out << waiting << (waiting == 1 ? " change needs" : " changes need")
      << " a restart: until then the node runs with what was\n";
}

exit_code reload(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_node(call, "POST", "/api/v1/reload", err);
  if (!got) return got.error();
  if (call.format == output_format::json)
    print_json(*got, out);
  else
    print_changes(*got, out);
  return exit_code::ok;
}

}  // namespace

verb_group reload_verb() {
  return {"reload",
          "Let a node read its configuration again; as SIGHUP does",
          R"(Examples:
  fleetgate reload                                 what has changed, and what needs a restart
  fleetgate reload -o json | jq -e '.needs_restart == 0'

The node reads the file that it was started with, conf.d beside it, and its own environment and
command line. Where anything is wrong it goes on with the configuration that it has, and the exit
status is 78. Connections, sessions and the spool are never touched.
)",
          {{"", "", {}, true, reload}}};
}

}  // namespace fleetgate::node
