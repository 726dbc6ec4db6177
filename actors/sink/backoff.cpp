#include "actors/sink/backoff.hpp"

namespace fleetgate::sink {

std::chrono::nanoseconds backoff::next() {
  auto ceiling = first_;
  for (std::uint32_t i = 0; i < failures_ && ceiling < longest_; ++i) ceiling *= 2;
  if (ceiling > longest_) ceiling = longest_;
  ++failures_;
  std::uniform_int_distribution<std::int64_t> wait(0, ceiling.count());
  return std::chrono::nanoseconds(wait(random_));
}

}  // namespace fleetgate::sink
