// How long to wait before the next try: exponential with full jitter, so that many that failed
// together do not come back together. Pure; owned by who tries. Limit: `longest`.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace fleetgate::runtime {

/// Uniform between 0 and min(longest, first * 2^n).
std::chrono::nanoseconds full_jitter(std::chrono::nanoseconds first,
                                     std::chrono::nanoseconds longest, std::uint32_t n,
                                     std::mt19937_64& random);

class backoff {
 public:
  backoff(std::chrono::nanoseconds first, std::chrono::nanoseconds longest, std::uint64_t seed)
      : first_(first), longest_(longest), random_(seed) {}

  /// `full_jitter` after n earlier calls since the last `reset`.
  std::chrono::nanoseconds next() { return full_jitter(first_, longest_, failures_++, random_); }

  void reset() noexcept { failures_ = 0; }
  /// Calls of `next` since the last `reset`.
  [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }

 private:
  std::chrono::nanoseconds first_;
  std::chrono::nanoseconds longest_;
  std::mt19937_64 random_;
  std::uint32_t failures_ = 0;
};

}  // namespace fleetgate::runtime
