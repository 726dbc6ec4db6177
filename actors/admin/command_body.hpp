// What somebody asks to be sent to a device, read from a request of the admin API. Pure.
// docs/reference/admin.md, Commands.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "actors/admin/http_message.hpp"
#include "actors/contract/command.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::admin {

inline constexpr std::size_t most_command_name_bytes = 64;
inline constexpr std::size_t most_command_device_bytes = 256;
inline constexpr std::size_t most_command_payload_bytes = 64 * 1024;
inline constexpr std::size_t most_idempotency_key_bytes = 128;
/// Room for a payload in base64, or as text of which each character is escaped as \" is.
inline constexpr std::size_t most_command_body_bytes = 192 * 1024;
inline constexpr std::chrono::seconds default_command_ttl = std::chrono::hours(1);
inline constexpr std::chrono::seconds most_command_ttl = std::chrono::hours(30 * 24);

/// The path's {id}, which becomes a level of a topic. Fault request_malformed.
result<std::string> command_device(const request& r);

/// The whole of it. Faults: request_malformed, request_too_large.
result<contract::command_request> read_command(const request& r, std::int64_t now_ns);

}  // namespace fleetgate::admin
