#include <ostream>

#include "actors/node/admin_client.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

exit_code actors(const verb_call& call, std::ostream& out, std::ostream& err) {
  auto got = ask_node(call, "GET", "/api/v1/actors", err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  json& all = (*got)["actors"];
  if (!all.is_array()) all = json::array();
  for (json& a : all) {
    if (a.value("supervisor", "") != "node") a["name"] = "  " + a.value("name", "");
  }
  print_table(all,
              {{"ACTOR", "name"},
               {"STATE", "state"},
               {"RESTARTS", "restarts"},
               {"BUSY S", "busy_seconds"},
               {"LAST ERROR AT", "last_error_at"},
               {"LAST ERROR", "last_error.detail"}},
              out);
  return exit_code::ok;
}

}  // namespace

verb_group actors_verb() {
  return {"actors",
          "Show the tree of actors, and what became of each",
          R"(Examples:
  fleetgate actors
  fleetgate actors -o json | jq '.actors[] | select(.restarts > 0)'

An actor that ends is started again by its supervisor; one that ends too often takes the node
down (exit status 70). One that is unresponsive has been with one thing for more than 10 s.
)",
          {{"", "", {}, true, actors}}};
}

}  // namespace fleetgate::node
