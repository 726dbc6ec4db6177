#include <chrono>

#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"

namespace fleetgate::admin {
namespace {

/// Half of the server's connections: health must be answered however long devices wait.
constexpr std::size_t most_open_messages = 32;

json reasons_of(const health_report& ready) {
  json reasons = json::array();
  for (const auto& e : ready.failing) reasons.push_back(e.name + ": " + e.reason);
  return reasons;
}

json addresses_of(const node_status& s) {
  json list = json::array();
  for (const auto& a : s.addresses) {
    list.push_back({{"name", a.name}, {"protocol", a.protocol}, {"address", a.address}});
  }
  return list;
}

response status(node_access& node, const health& h) {
  const node_status s = node.status();
  const health_report ready = h.ready();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t up_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - s.started_time_ns;
  return json_response(
      {{"name", s.name},
       {"site", s.site},
       {"version", s.version},
       {"started_at", time_value(s.started_time_ns)},
       {"uptime_seconds", std::max<std::int64_t>(0, up_ns / 1'000'000'000)},
       {"ready", ready.passed},
       {"reasons", reasons_of(ready)},
       {"overload",
        {{"level", to_string(s.overload)},
         {"telemetry_full_in_seconds",
          s.telemetry_full_in_s ? json(*s.telemetry_full_in_s) : json()}}},
       {"addresses", addresses_of(s)},
       {"connections", s.connections},
       {"messages", s.messages},
       {"rows", s.rows},
       {"sink_lag_records", s.sink_lag_records},
       {"memory", {{"used_bytes", s.memory_used_bytes}, {"budget_bytes", s.memory_budget_bytes}}},
       {"spool", {{"used_bytes", s.spool_used_bytes}, {"budget_bytes", s.spool_budget_bytes}}}});
}

}  // namespace

void add_node_routes(router& to, node_access& node, const health& h) {
  to.add("GET", "/api/v1/status", [&](const request&) { return status(node, h); });
  to.add("POST", "/api/v1/drain", [&](const request&) {
    node.drain();
    return json_response({{"draining", true}}, 202);
  });
}

void add_openapi_route(router& to) {
  to.add("GET", "/api/v1/openapi.json", [](const request&) {
    response r;
    r.body = openapi_text();
    return r;
  });
}

void add_api_routes(router& to, node_access& node, const health& h) {
  add_node_routes(to, node, h);
  add_reload_route(to, node);
  add_device_routes(to, node);
  add_message_routes(to, node, most_open_messages);
  add_command_routes(to, node);
  add_spool_routes(to, node);
  add_quarantine_routes(to, node);
  add_sink_routes(to, node);
  add_actor_routes(to, node);
  add_openapi_route(to);
}

}  // namespace fleetgate::admin
