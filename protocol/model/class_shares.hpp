// How a byte budget is shared between the traffic classes: each has a least share that no other may
// use, the rest is common. So a flood of one class, whichever it is, starves no other. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "protocol/model/traffic_class.hpp"

namespace fleetgate::model {

/// Bytes by class.
using class_bytes = std::array<std::uint64_t, traffic_class_count>;

struct class_shares {
  std::uint64_t limit = 0;
  class_bytes least{};

  /// How far the whole may be filled when `cls` takes more, with what each class uses now.
  [[nodiscard]] constexpr std::uint64_t limit_for(traffic_class cls,
                                                  const class_bytes& used) const noexcept {
    std::uint64_t kept = 0;
    for (const auto other : all_traffic_classes) {
      const std::size_t i = index(other);
      if (other != cls && used[i] < least[i]) kept += least[i] - used[i];
    }
    return limit - kept;
  }
  /// The same where no other class uses anything.
  [[nodiscard]] constexpr std::uint64_t limit_for(traffic_class cls) const noexcept {
    return limit_for(cls, {});
  }
};

}  // namespace fleetgate::model
