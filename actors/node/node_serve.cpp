// What a node serves over HTTP: the admin API, and ingest on listeners of its own.
#include <algorithm>
#include <utility>

#include "actors/admin/api_routes.hpp"
#include "actors/admin/routes.hpp"
#include "actors/node/parts.hpp"
#include "actors/observe/probe_registration.hpp"

namespace fleetgate::node {

std::function<std::shared_ptr<void>(std::uint64_t)> node::parts::body_memory() {
  return [this](std::uint64_t bytes) -> std::shared_ptr<void> {
    constexpr auto cls = model::traffic_class::telemetry;  // what is in it is not known yet
    // Its size is the client's word so far: what only was announced must not fill the budget.
    if (!body_share.take(cls, bytes)) return nullptr;
    runtime::memory_charge share(body_share, cls, bytes);
    if (!memory.take(cls, bytes)) return nullptr;
    using charges = std::pair<runtime::memory_charge, runtime::memory_charge>;
    return std::make_shared<charges>(std::move(share), runtime::memory_charge(memory, cls, bytes));
  };
}

/// Devices reach messages and health there, and nothing of the admin API.
node::parts::step node::parts::serve_http() {
  http_access = make_access();
  for (auto& l : settings.listeners) {
    if (l.protocol != listener_protocol::http) continue;
    admin::http_options options;
    options.name = "[[listener]] " + l.name;
    options.address = l.bind.address;
    options.port = l.bind.port;
    options.max_connections = std::min<std::uint64_t>(l.max_connections, device_files);
    options.body_bytes = l.max_packet_size;
    options.timeout = l.connect_timeout;
    options.claim_memory = body_memory();
    http_probes.push_back(std::make_unique<observe::ingress_probe>());
    options.probe = http_probes.back().get();
    observe::register_probe(metrics, l.name, *options.probe);
    admin::router routes;
    admin::add_health_routes(routes, health);
    admin::add_message_routes(routes, *http_access, options.max_connections);
    auto server = admin::http_server::start(std::move(options), std::move(routes));
    if (!server) return start_failure{exit_code::os_error, to_string(server.error())};
    l.bind.port = (*server)->port();
    serves.push_back({l.name, std::string(to_string(l.protocol)), (*server)->endpoint()});
    http_servers.push_back(std::move(*server));
  }
  return std::nullopt;
}

node::parts::step node::parts::serve_admin() {
  register_metrics();
  admin::router routes(admin::host_rule::known);
  admin::add_health_routes(routes, health);
  admin::add_metrics_route(routes, metrics);
  access = make_access();
  admin::add_api_routes(routes, *access, health);
  admin::http_options options;
  options.address = settings.admin.bind.address;
  options.port = settings.admin.bind.port;
  options.claim_memory = body_memory();
  auto server = admin::http_server::start(std::move(options), std::move(routes));
  if (!server) return start_failure{exit_code::os_error, to_string(server.error())};
  admin_server = std::move(*server);
  serves.push_back({"admin", "admin", admin_server->endpoint()});
  return std::nullopt;
}

}  // namespace fleetgate::node
