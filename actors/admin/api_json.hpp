// How values look in the API's JSON, and how requests give them. Pure. docs/reference/openapi.json
// is the contract.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "actors/admin/http_message.hpp"
#include "actors/contract/device_report.hpp"
#include "actors/contract/sink_report.hpp"
#include "actors/contract/spool_report.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::admin {

using json = nlohmann::ordered_json;

inline constexpr std::size_t default_page = 100;
inline constexpr std::size_t largest_page = 1000;

response json_response(const json& body, std::uint16_t status = 200);

/// "2026-01-31T12:00:00.123Z"; null where it is 0.
json time_value(std::int64_t unix_ns);
/// "incarnation-lsn" by lane.
json positions(const contract::cursor& at);

json to_json(const contract::connected_device& d);
json to_json(const contract::spool_report& r);
json to_json(const contract::sink_report& r);
/// With `payload`: at most most_payload_bytes of it as base64, and as text where it is.
json to_json(const contract::stored_record& r, bool payload);

inline constexpr std::size_t most_payload_bytes = 64 * 1024;

/// `?limit`, 1 to largest_page. Fault request_malformed.
result<std::size_t> page_limit(const request& r);
/// The body as a JSON object; an empty body is an empty one. Fault request_malformed: it is none,
/// or has a member that is not in `known`.
result<json> body_object(const request& r, std::initializer_list<std::string_view> known);

std::string base64(byte_view bytes);

}  // namespace fleetgate::admin
