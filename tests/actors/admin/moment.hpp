// When it is in the tests of commands.
#pragma once

#include <cstdint>

namespace fleetgate::admin {

inline constexpr std::int64_t ns_per_s = 1'000'000'000;
inline constexpr std::int64_t now_ns = 1'769'860'800 * ns_per_s;  // 2026-01-31T12:00:00Z

}  // namespace fleetgate::admin
