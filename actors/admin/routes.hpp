// The admin API's routes of this issue: /livez, /readyz, /metrics. Handlers keep references: what
// they read must outlive the server. docs/reference/admin.md describes them for users.
#pragma once

#include <chrono>
#include <functional>

#include "actors/admin/health.hpp"
#include "actors/admin/router.hpp"
#include "actors/observe/registry.hpp"

namespace fleetgate::admin {

using steady_clock_source = std::function<health::time_point()>;

/// GET /livez and /readyz: 200 or 503 with reasons; ?verbose lists all conditions.
void add_health_routes(router& to, const health& h,
                       steady_clock_source now = std::chrono::steady_clock::now);

/// GET /metrics: Prometheus text or OpenMetrics, by the Accept header.
void add_metrics_route(router& to, const observe::registry& metrics);

}  // namespace fleetgate::admin
