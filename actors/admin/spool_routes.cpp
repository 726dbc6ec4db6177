#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"

namespace fleetgate::admin {

void add_spool_routes(router& to, node_access& node) {
  to.add(
      "GET", "/api/v1/spool",
      [&node](const request&) {
        const auto report = node.spool();
        if (report) return json_response(to_json(*report));
        return error_response(report.error(), "look at /livez; the journal may be busy: try again");
      },
      pace::may_wait);
}

}  // namespace fleetgate::admin
