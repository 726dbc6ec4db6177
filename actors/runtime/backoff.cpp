#include "actors/runtime/backoff.hpp"

namespace fleetgate::runtime {

std::chrono::nanoseconds full_jitter(std::chrono::nanoseconds first,
                                     std::chrono::nanoseconds longest, std::uint32_t n,
                                     std::mt19937_64& random) {
  auto ceiling = first;
  for (std::uint32_t i = 0; i < n && ceiling < longest; ++i) ceiling *= 2;
  if (ceiling > longest) ceiling = longest;
  std::uniform_int_distribution<std::int64_t> wait(0, ceiling.count());
  return std::chrono::nanoseconds(wait(random));
}

}  // namespace fleetgate::runtime
