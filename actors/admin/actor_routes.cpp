#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"

namespace fleetgate::admin {
namespace {

/// Depth first: each supervisor, then those whom it watches.
response list_actors(node_access& node) {
  const auto tree = node.actors();
  json actors = json::array();
  if (tree.empty()) return json_response({{"actors", std::move(actors)}});
  const contract::supervisor_report& root = tree.front();
  for (const contract::actor_report& supervisor : root.actors) {
    actors.push_back(to_json(supervisor, root.name));
    for (const contract::supervisor_report& s : tree) {
      if (s.name != supervisor.name) continue;
      for (const contract::actor_report& a : s.actors) actors.push_back(to_json(a, s.name));
    }
  }
  return json_response({{"actors", std::move(actors)}});
}

}  // namespace

void add_actor_routes(router& to, node_access& node) {
  to.add(
      "GET", "/api/v1/actors", [&node](const request&) { return list_actors(node); },
      pace::may_wait);
}

}  // namespace fleetgate::admin
