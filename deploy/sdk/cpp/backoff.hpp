// How long to wait before the next attempt: exponential, with full jitter, never before what the
// gateway asked for; and how a connection ended. Private to the client's source.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>

#include "bytes.hpp"

namespace fleetgate::sdk::detail {

class backoff {
 public:
  backoff(milliseconds first, milliseconds longest) : first_(first), longest_(longest) {}
  void succeeded() noexcept { failures_ = 0; }
  /// `hopeless`: it needs a person; wait the longest at once.
  milliseconds delay(milliseconds retry_after, bool hopeless) {
    auto ceiling = hopeless ? longest_ : first_;
    for (int i = 0; i < failures_ && ceiling < longest_; ++i) ceiling *= 2;
    ++failures_;
    ceiling = std::min(ceiling, longest_);
    std::uniform_int_distribution<std::int64_t> any(0, ceiling.count());
    return retry_after + milliseconds(any(random_));
  }

 private:
  milliseconds first_, longest_;
  int failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};
};

/// How a connection ended.
struct ending {
  std::string why;
  milliseconds retry_after{0};
  bool hopeless = false;
  std::string redirected_to;
};

inline constexpr int most_redirects = 5;
inline constexpr std::size_t remembered_commands = 256;
inline constexpr std::size_t most_unsent = 64 << 10;  // beyond it no further frame is prepared
inline constexpr milliseconds connect_timeout{10'000};
inline constexpr milliseconds longest_sleep{3'600'000};

/// docs/wire/native.md, Codes: version, device name, credentials.
inline bool needs_a_person(std::uint64_t code) {
  return code >= 0x84 && code <= 0x87;
}

inline milliseconds until(clock::time_point t) {
  const auto left = std::chrono::ceil<milliseconds>(t - clock::now());
  return std::clamp(left, milliseconds(0), longest_sleep);
}

}  // namespace fleetgate::sdk::detail
