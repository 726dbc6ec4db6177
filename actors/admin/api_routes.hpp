// The API under /api/v1: what operators and the command line ask of a node. One file a subject;
// each adds its routes. Handlers keep the reference: `node` must outlive the server. The contract
// is docs/reference/openapi.json, which is built in and served.
#pragma once

#include <cstdint>
#include <functional>

#include "actors/admin/health.hpp"
#include "actors/admin/node_access.hpp"
#include "actors/admin/router.hpp"
#include "actors/runtime/clock.hpp"

namespace fleetgate::admin {

using unix_clock_source = std::function<std::int64_t()>;  // ns

/// All of the below.
void add_api_routes(router& to, node_access& node, const health& h);

void add_node_routes(router& to, node_access& node, const health& h);  // status, drain
void add_reload_route(router& to, node_access& node);
void add_device_routes(router& to, node_access& node);
/// HTTP ingest; at most `most_open` requests wait for their receipts, further ones are refused.
void add_message_routes(router& to, node_access& node, std::size_t most_open);
/// Commands to devices; `now` is what a time to live counts from.
void add_command_routes(router& to, node_access& node,
                        unix_clock_source now = runtime::unix_now_ns);
void add_spool_routes(router& to, node_access& node);
void add_quarantine_routes(router& to, node_access& node);
void add_sink_routes(router& to, node_access& node);
void add_actor_routes(router& to, node_access& node);
/// GET /api/v1/openapi.json
void add_openapi_route(router& to);

/// The text of docs/reference/openapi.json.
std::string_view openapi_text() noexcept;

}  // namespace fleetgate::admin
