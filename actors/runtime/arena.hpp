// The memory of one batch: bump-allocated in blocks that never move, freed or reused as a whole.
// One thread at a time. Limit: what the senders charged to the memory budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

#include "protocol/base/bytes.hpp"

namespace fleetgate::runtime {

class arena {
 public:
  static constexpr std::size_t block_bytes = 64 * 1024;
  /// Readable bytes behind every allocation, for decoders that read ahead (simdjson).
  static constexpr std::size_t padding = 64;

  arena() = default;
  arena(arena&&) noexcept = default;
  arena& operator=(arena&&) noexcept = default;

  /// `n` bytes, not initialised, with `padding` readable bytes behind them.
  std::byte* allocate(std::size_t n) {
    if (n + padding > left_) grow(n + padding);
    std::byte* const p = next_;
    next_ += n;
    left_ -= n;
    used_ += n;
    return p;
  }

  byte_view copy(byte_view from) {
    if (from.empty()) return {};
    std::byte* const p = allocate(from.size());
    std::memcpy(p, from.data(), from.size());
    return {p, from.size()};
  }
  std::string_view copy(std::string_view from) { return as_text(copy(as_bytes(from))); }

  /// A copy of `value` in the arena. What is made here is never destroyed.
  template <class T>
  T* make(const T& value) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= alignof(std::max_align_t));
    std::byte* raw = allocate(sizeof(T) + alignof(T));
    raw += (alignof(T) - reinterpret_cast<std::uintptr_t>(raw) % alignof(T)) % alignof(T);
    return new (raw) T(value);
  }

  /// Bytes handed out since the last `clear`.
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

  /// Everything handed out becomes invalid; the first block is kept for reuse.
  void clear() noexcept {
    if (blocks_.empty()) return;
    if (blocks_.front().size != block_bytes)
      blocks_.clear();
    else
      blocks_.resize(1);
    next_ = blocks_.empty() ? nullptr : blocks_.front().bytes.get();
    left_ = blocks_.empty() ? 0 : blocks_.front().size;
    used_ = 0;
  }

 private:
  struct block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
  };

  void grow(std::size_t need) {
    const std::size_t size = need > block_bytes ? need : block_bytes;
    blocks_.push_back({std::unique_ptr<std::byte[]>(new std::byte[size]), size});
    next_ = blocks_.back().bytes.get();
    left_ = size;
  }

  std::vector<block> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t used_ = 0;
};

}  // namespace fleetgate::runtime
