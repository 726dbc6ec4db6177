#include "deploy/fleetsim/schedule.hpp"

namespace fleetgate::fleetsim {

schedule schedule::steady(double rate) noexcept {
  schedule s;
  s.kind_ = kind::steady;
  s.rate_ = rate;
  return s;
}

schedule schedule::bursts(std::uint64_t every_ns, std::uint64_t size) noexcept {
  schedule s;
  s.kind_ = kind::bursts;
  s.every_ns_ = every_ns;
  s.size_ = size;
  return s;
}

std::uint64_t schedule::due_at_ns(std::uint64_t j) const noexcept {
  switch (kind_) {
    case kind::flat_out:
      return 0;
    case kind::steady:
      return static_cast<std::uint64_t>(static_cast<double>(j) / rate_ * 1e9) / grid_ns * grid_ns;
    case kind::bursts:
      return j / size_ * every_ns_;
  }
  return 0;
}

std::uint64_t schedule::due(std::uint64_t elapsed_ns) const noexcept {
  switch (kind_) {
    case kind::flat_out:
      return 0;
    case kind::steady:
      break;
    case kind::bursts:
      return (elapsed_ns / every_ns_ + 1) * size_;
  }
  // The estimate is off by a few where doubles round; due_at_ns decides.
  const std::uint64_t step_end_ns = (elapsed_ns / grid_ns + 1) * grid_ns;
  auto n = static_cast<std::uint64_t>(static_cast<double>(step_end_ns) * rate_ / 1e9);
  while (due_at_ns(n) <= elapsed_ns) ++n;
  while (n > 0 && due_at_ns(n - 1) > elapsed_ns) --n;
  return n;
}

}  // namespace fleetgate::fleetsim
