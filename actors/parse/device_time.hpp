// When the device says that it happened. Pure; any thread. From 1970 to 2262.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/parse/wanted_members.hpp"

namespace fleetgate::parse {

/// Unix time in nanoseconds of a number (seconds below 1e11, milliseconds below 1e14, microseconds
/// below 1e17, else nanoseconds), of RFC 3339 text, or of a MessagePack timestamp. Nothing where it
/// is none of these.
std::optional<std::int64_t> device_time_ns(const found_value& found) noexcept;

/// "2024-05-01T10:00:00.25Z", "...+02:00" (RFC 3339 section 5.6).
std::optional<std::int64_t> parse_rfc3339_ns(std::string_view text) noexcept;

}  // namespace fleetgate::parse
