// What the node knows of its own pressure: written by the thread that reviews it, once a second;
// read by shards at admission, and by the admin thread.
#pragma once

#include <cstdint>

#include "actors/observe/probes.hpp"
#include "protocol/model/overload_level.hpp"

namespace fleetgate::observe {

/// What can fill up.
enum class pressed_resource : std::uint8_t {
  memory,   // the budget for messages in memory
  journal,  // the queue before it
  spool,    // what required readers have not read of the disk budget
};
inline constexpr std::size_t pressed_resource_count = 3;
std::string_view to_string(pressed_resource r) noexcept;

struct alignas(cache_line_bytes) overload_probe {
  static constexpr std::int64_t not_filling = -1;

  overload_probe() {
    for (const auto cls : model::all_traffic_classes) full_in_s[cls].set(not_filling);
  }

  gauge level;                                                           // a model::overload_level
  cells<pressed_resource, pressed_resource_count, gauge> fill_permille;  // as telemetry meets it
  per_class<gauge> full_in_s;  // when the spool has no room for the class; not_filling: never

  [[nodiscard]] model::overload_level level_now() const noexcept {
    return static_cast<model::overload_level>(level.value());
  }
};

}  // namespace fleetgate::observe
