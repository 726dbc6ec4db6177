#include "actors/observe/histogram.hpp"

#include <cmath>

namespace fleetgate::observe {

histogram_snapshot& histogram_snapshot::operator+=(const histogram_snapshot& other) noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
  sum_ += other.sum_;
  return *this;
}

std::uint64_t histogram_snapshot::count() const noexcept {
  std::uint64_t n = 0;
  for (const auto b : buckets_) n += b;
  return n;
}

std::uint64_t histogram_snapshot::count_up_to(std::size_t power) const noexcept {
  std::uint64_t n = buckets_[0];
  for (std::size_t i = 1; i <= 4 * power; ++i) n += buckets_[i];
  return n;
}

std::uint64_t histogram_snapshot::percentile(double quantile) const noexcept {
  const std::uint64_t n = count();
  if (n == 0) return 0;
  const double wanted = std::ceil(quantile * static_cast<double>(n));
  const std::uint64_t rank = wanted < 1.0 ? 1 : static_cast<std::uint64_t>(wanted);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return upper_bound(i);
  }
  return upper_bound(bucket_count - 1);
}

histogram_snapshot histogram::snapshot() const noexcept {
  histogram_snapshot s;
  for (std::size_t i = 0; i < buckets_.size(); ++i) s.buckets_[i] = buckets_[i].value();
  s.sum_ = sum_.value();
  return s;
}

}  // namespace fleetgate::observe
