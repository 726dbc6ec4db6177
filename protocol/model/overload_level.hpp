// How pressed a node is, as its users and its peers hear of it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fleetgate::model {

/// Each level does what those before it do (docs/adr/0008-overload.md).
enum class overload_level : std::uint8_t {
  normal,
  elevated,  // said to people: the spool fills, or memory stays half full
  high,      // new devices of low priority are refused
  critical,  // those of normal priority too, and load balancers are told to send devices elsewhere
};

inline constexpr std::array all_overload_levels{overload_level::normal, overload_level::elevated,
                                                overload_level::high, overload_level::critical};

constexpr std::string_view to_string(overload_level l) noexcept {
  switch (l) {
    case overload_level::normal:
      return "normal";
    case overload_level::elevated:
      return "elevated";
    case overload_level::high:
      return "high";
    case overload_level::critical:
      return "critical";
  }
  return {};
}

}  // namespace fleetgate::model
