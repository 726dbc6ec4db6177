// Chance that is the same for the same seed. Pure; each device owns its own, so that what befalls
// it does not depend on how the fleet is divided among threads.
#pragma once

#include <cmath>
#include <cstdint>

namespace fleetgate::fleetsim {

/// A well-mixed number from any other (the finaliser of SplitMix64, a public-domain generator).
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
  x += 0x9E37'79B9'7F4A'7C15;
  x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9;
  x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EB;
  return x ^ (x >> 31);
}

class dice {
 public:
  dice(std::uint64_t seed, std::uint64_t device) noexcept : state_(mixed(seed) ^ mixed(~device)) {}

  std::uint64_t next() noexcept { return mixed(state_++); }
  /// 0 (included) to 1 (not).
  double share() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// How long until something that happens once in `mean_ns` on average happens next.
  std::uint64_t wait_ns(double mean_ns) noexcept {
    return static_cast<std::uint64_t>(-std::log1p(-share()) * mean_ns);
  }

 private:
  std::uint64_t state_;
};

}  // namespace fleetgate::fleetsim
