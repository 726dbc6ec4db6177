// A latency histogram: log-linear buckets, 128 to the octave, so that a value is off by less than
// one percent. Each of the fleet's threads owns one; they add up. 57 KiB whatever it counts.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace fleetgate::fleetsim {

class histogram {
 public:
  void add(std::uint64_t ns) noexcept {
    ++buckets_[index_of(ns)];
    ++count_;
    max_ = std::max(max_, ns);
  }

  histogram& operator+=(const histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
    return *this;
  }

  /// What was added since `earlier`, a copy of this one. The greatest value is that of all time.
  [[nodiscard]] histogram since(const histogram& earlier) const noexcept {
    histogram h = *this;
    for (std::size_t i = 0; i < buckets_.size(); ++i) h.buckets_[i] -= earlier.buckets_[i];
    h.count_ -= earlier.count_;
    return h;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  /// The upper edge of the bucket that holds the `share`-th value (0..1); 0 where there is none.
  [[nodiscard]] std::uint64_t percentile(double share) const noexcept {
    if (count_ == 0) return 0;
    const auto rank = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= rank) return std::min(upper_edge(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned sub_bits = 7;
  static constexpr std::uint64_t sub_count = 1U << sub_bits;

  static std::size_t index_of(std::uint64_t v) noexcept {
    if (v < sub_count) return static_cast<std::size_t>(v);
    const auto shift = static_cast<unsigned>(std::bit_width(v)) - 1 - sub_bits;
    return static_cast<std::size_t>((std::uint64_t{shift} + 1) * sub_count +
                                    ((v >> shift) - sub_count));
  }
  static std::uint64_t upper_edge(std::size_t i) noexcept {
    if (i < sub_count) return i;
    const auto shift = static_cast<unsigned>(i / sub_count) - 1;
    const std::uint64_t low = (sub_count + i % sub_count) << shift;
    return low + ((std::uint64_t{1} << shift) - 1);
  }

  std::array<std::uint64_t, (64 - sub_bits + 1) * sub_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace fleetgate::fleetsim
