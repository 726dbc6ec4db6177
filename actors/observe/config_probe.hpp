// What the node knows of its configuration's age: written by main's thread, at start and with each
// reload; read by the admin thread.
#pragma once

#include <cstdint>

#include "actors/observe/counter.hpp"

namespace fleetgate::observe {

enum class reload_result : std::uint8_t { taken, refused };
inline constexpr std::size_t reload_result_count = 2;

struct alignas(cache_line_bytes) config_probe {
  cells<reload_result, reload_result_count, counter> reloads;
  gauge last_taken;           // 1; 0 where the last reload was refused
  gauge taken_time_s;         // Unix time
  gauge keys_need_a_restart;  // that are written otherwise than the node runs with
};

}  // namespace fleetgate::observe
