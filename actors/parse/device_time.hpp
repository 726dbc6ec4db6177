// When the device says in its payload that it happened. Pure; any thread. From 1970 to 2262.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/parse/wanted_members.hpp"

namespace fleetgate::parse {

/// Unix time in nanoseconds of a number or RFC 3339 text (protocol/model/device_time.hpp), or of a
/// MessagePack timestamp. Nothing where it is none of these.
std::optional<std::int64_t> device_time_ns(const found_value& found) noexcept;

}  // namespace fleetgate::parse
