#include <ostream>

#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

exit_code drain(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_node(call, "POST", "/api/v1/drain", err);
  if (!got) return got.error();
  if (call.format == output_format::json)
    print_json(*got, out);
  else
    out << "draining: the node sends its devices on, delivers, and exits by itself\n";
  return exit_code::ok;
}

}  // namespace

verb_group drain_verb() {
  return {"drain",
          "Let a node go: devices on, spool delivered, exit; as SIGTERM does",
          R"(Examples:
  fleetgate drain
  fleetgate drain && journalctl -fu fleetgate      how it goes; shutdown.json has the report

The node stops by itself, at the latest after [shutdown] drain_timeout. Nothing that was
acknowledged as durable is lost, and a service manager may start it again.
)",
          {{"", "", {}, true, drain}}};
}

}  // namespace fleetgate::node
