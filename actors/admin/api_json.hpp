// How values look in the API's JSON, and how requests give them. Pure. docs/reference/openapi.json
// is the contract.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "actors/admin/http_message.hpp"
#include "actors/contract/actor_report.hpp"
#include "actors/contract/command.hpp"
#include "actors/contract/device_report.hpp"
#include "actors/contract/sink_report.hpp"
#include "actors/contract/spool_report.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::admin {

using json = nlohmann::ordered_json;

inline constexpr std::size_t default_page = 100;
inline constexpr std::size_t largest_page = 1000;
inline constexpr std::size_t most_body_bytes = 64 * 1024;
inline constexpr int deepest_body = 64;  // copying JSON takes stack by its depth

/// Fault request_malformed.
fault malformed(std::string why);

response json_response(const json& body, std::uint16_t status = 200);

/// "2026-01-31T12:00:00.123Z"; null where it is 0.
json time_value(std::int64_t unix_ns);
/// "incarnation-lsn" by lane.
json positions(const contract::cursor& at);

json to_json(const contract::connected_device& d);
json to_json(const contract::spool_report& r);
json to_json(const contract::sink_report& r);
json to_json(const contract::actor_report& a, std::string_view supervisor);
/// With `payload`: at most most_payload_bytes of it as base64, and as text where it is.
json to_json(const contract::stored_record& r, bool payload);

/// Payload and answer as text where they are, else as base64.
json to_json(const contract::command& c);

inline constexpr std::size_t most_payload_bytes = 64 * 1024;

/// `?limit`, 1 to largest_page. Fault request_malformed.
result<std::size_t> page_limit(const request& r);
/// The body as a JSON object; an empty body is an empty one. Faults: request_malformed (it is none,
/// is nested deeper than deepest_body, or has a member that is not in `known`); request_too_large.
result<json> body_object(const request& r, std::initializer_list<std::string_view> known,
                         std::size_t most_bytes = most_body_bytes);

std::string base64(byte_view bytes);

}  // namespace fleetgate::admin
