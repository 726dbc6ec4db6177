// Which sequence numbers have been seen: everything from `bottom` to `top` but the gaps; the newest
// 512 exactly (bitmap), older holes as a bounded list. Owned by one epoch of one window; journal's
// thread. Limit: `most_gaps`; beyond it the bottom rises and what lies below is unknown, never
// seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/base/bytes.hpp"

namespace fleetgate::dedup {

enum class sighting : std::uint8_t {
  unseen,   // certainly not seen
  seen,     // certainly seen
  unknown,  // below what is remembered
};

class sequence_set {
 public:
  static constexpr std::uint64_t window = 512;
  /// Sequences are below this.
  static constexpr std::uint64_t end = std::uint64_t{1} << 63;

  [[nodiscard]] sighting find(std::uint64_t sequence) const noexcept;
  /// The highest sequence up to which everything from `first` on has certainly been seen; nothing
  /// where `first` has not.
  [[nodiscard]] std::optional<std::uint64_t> seen_from(std::uint64_t first) const noexcept;
  /// Idempotent. A sequence in the unknown range cannot be noted.
  void insert(std::uint64_t sequence, std::size_t most_gaps);

  [[nodiscard]] bool empty() const noexcept { return !any_; }
  [[nodiscard]] std::uint64_t top() const noexcept { return top_; }
  [[nodiscard]] std::uint64_t bottom() const noexcept { return bottom_; }
  /// Heap bytes behind this object.
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  void save(byte_writer& out) const;
  /// Nothing where the bytes contradict themselves.
  static std::optional<sequence_set> load(byte_reader& in);

 private:
  struct gap {
    std::uint64_t from = 0;
    std::uint64_t to = 0;  // exclusive
  };
  using bitmap = std::array<std::uint64_t, window / 64>;

  [[nodiscard]] std::uint64_t base() const noexcept {
    return top_ >= window ? top_ - window + 1 : 0;
  }
  [[nodiscard]] bool bit(std::uint64_t sequence) const noexcept {
    return ((*bits_)[sequence % window / 64] >> (sequence % 64) & 1) != 0;
  }
  void set(std::uint64_t sequence) noexcept {
    (*bits_)[sequence % window / 64] |= std::uint64_t{1} << (sequence % 64);
  }
  void clear(std::uint64_t sequence) noexcept {
    (*bits_)[sequence % window / 64] &= ~(std::uint64_t{1} << (sequence % 64));
  }
  void need_bitmap();
  void advance(std::uint64_t sequence, std::size_t most_gaps);
  void lower(std::uint64_t sequence, std::size_t most_gaps);
  void fill(std::uint64_t sequence, std::size_t most_gaps);
  void append_gap(std::uint64_t from, std::uint64_t to);
  void bound_gaps(std::size_t most_gaps);
  void mask_bitmap() noexcept;
  [[nodiscard]] bool consistent() const noexcept;

  std::uint64_t top_ = 0;
  std::uint64_t bottom_ = 0;
  std::unique_ptr<bitmap> bits_;            // none: bottom..top of the newest 512 are all seen
  std::unique_ptr<std::vector<gap>> gaps_;  // ascending, apart, between bottom and base
  bool any_ = false;
  bool exact_ = true;  // below bottom: unseen (true) or unknown (false)
};

}  // namespace fleetgate::dedup
