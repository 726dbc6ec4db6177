// A log-linear histogram: four buckets per power of two, so a value is known to 25 % at worst and
// 12 % on average. One writer thread, readers on others, no lock, no allocation. Durations are in
// nanoseconds, other values in whole items. Limit: fixed, 1.2 KiB; what lies beyond 2^37 (137 s)
// is counted in the last bucket.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "actors/observe/counter.hpp"

namespace fleetgate::observe {

/// What a histogram held at one moment; adds up over shards.
class histogram_snapshot {
 public:
  static constexpr std::size_t octaves = 37;
  /// Bucket 0 holds values up to 1, the last one what is above 2^37.
  static constexpr std::size_t bucket_count = 4 * octaves + 2;

  /// Bucket of `value`. Bounds are inclusive above, as Prometheus' `le` is.
  static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value <= 1) return 0;
    const auto octave = static_cast<std::size_t>(std::bit_width(value - 1)) - 1;
    if (octave >= octaves) return bucket_count - 1;
    const std::uint64_t within = value - (std::uint64_t{1} << octave);
    return 1 + 4 * octave + static_cast<std::size_t>((4 * within - 1) >> octave);
  }

  /// The greatest value that `bucket` holds; of the last one, its lower bound.
  static constexpr std::uint64_t upper_bound(std::size_t bucket) noexcept {
    if (bucket == 0) return 1;
    if (bucket == bucket_count - 1) return std::uint64_t{1} << octaves;
    const std::size_t octave = (bucket - 1) / 4;
    return ((5 + (bucket - 1) % 4) << octave) / 4;
  }

  histogram_snapshot& operator+=(const histogram_snapshot& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept;
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
  /// How many values were at most 2^power. `power` is at most `octaves`.
  [[nodiscard]] std::uint64_t count_up_to(std::size_t power) const noexcept;
  /// Upper bound of the bucket in which the value at `quantile` (0 to 1) lies; 0 where empty.
  [[nodiscard]] std::uint64_t percentile(double quantile) const noexcept;

 private:
  friend class histogram;
  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t sum_ = 0;
};

class histogram {
 public:
  histogram() = default;
  histogram(const histogram&) = delete;
  histogram& operator=(const histogram&) = delete;

  void record(std::uint64_t value) noexcept {
    buckets_[histogram_snapshot::bucket_of(value)].add();
    sum_.add(value);
  }
  /// A duration below zero (a clock that was read on another core) counts as zero.
  void record(std::chrono::nanoseconds d) noexcept {
    record(d.count() < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(d.count()));
  }
  /// `n` values that are all `value`, for a batch whose items had the same fate.
  void record_many(std::uint64_t value, std::uint64_t n) noexcept {
    buckets_[histogram_snapshot::bucket_of(value)].add(n);
    sum_.add(value * n);
  }

  [[nodiscard]] histogram_snapshot snapshot() const noexcept;

 private:
  std::array<counter, histogram_snapshot::bucket_count> buckets_{};
  counter sum_;
};

}  // namespace fleetgate::observe
