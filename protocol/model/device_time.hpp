// When a device says that something happened, in the forms that clocks are written in. Pure; any
// thread. From 1970 to 2262; nothing where it is none of these.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fleetgate::model {

/// Unix time in nanoseconds of a number: seconds below 1e11, milliseconds below 1e14, microseconds
/// below 1e17, else nanoseconds.
std::optional<std::int64_t> device_time_ns(std::uint64_t number) noexcept;
std::optional<std::int64_t> device_time_ns(double number) noexcept;

/// "2024-05-01T10:00:00.25Z", "...+02:00" (RFC 3339 section 5.6).
std::optional<std::int64_t> parse_rfc3339_ns(std::string_view text) noexcept;

}  // namespace fleetgate::model
