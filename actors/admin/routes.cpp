#include "actors/admin/routes.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "actors/observe/exposition.hpp"

namespace fleetgate::admin {
namespace {

nlohmann::ordered_json as_json(const std::vector<health_entry>& entries) {
  auto list = nlohmann::ordered_json::array();
  for (const health_entry& e : entries) {
    list.push_back({{"condition", e.name}, {"state", to_string(e.state)}, {"reason", e.reason}});
  }
  return list;
}

response health_response(const health_report& report, std::string_view passed,
                         std::string_view failed, bool verbose) {
  nlohmann::ordered_json body{{"status", report.passed ? passed : failed},
                              {"reasons", as_json(report.failing)}};
  if (verbose) body["conditions"] = as_json(report.all);
  response r;
  r.status = report.passed ? 200 : 503;
  r.body = body.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
  return r;
}

}  // namespace

void add_health_routes(router& to, const health& h, steady_clock_source now) {
  to.add("GET", "/readyz", [&h](const request& r) {
    return health_response(h.ready(), "ready", "not ready", r.query_flag("verbose"));
  });
  to.add("GET", "/livez", [&h, now = std::move(now)](const request& r) {
    return health_response(h.live(now()), "live", "not live", r.query_flag("verbose"));
  });
}

void add_metrics_route(router& to, const observe::registry& metrics) {
  to.add("GET", "/metrics", [&metrics](const request& r) {
    const auto format = observe::negotiate(r.header("Accept"));
    response answer;
    answer.content_type = observe::content_type(format);
    answer.body = metrics.render(format);
    answer.headers.emplace_back("Vary", "Accept");
    return answer;
  });
}

}  // namespace fleetgate::admin
