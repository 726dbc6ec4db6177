// The bytes of one group before they are written. They are not zeroed first, as every one of them
// is set. One thread. Limit: what may wait to be written (spool.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "protocol/base/bytes.hpp"

namespace fleetgate::spool {

class group_buffer {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] char* data() noexcept { return memory_.get(); }
  [[nodiscard]] byte_view bytes() const noexcept {
    return {reinterpret_cast<const std::byte*>(memory_.get()), size_};
  }

  /// Where `count` bytes more lie, whose values are not set; valid until the next call.
  [[nodiscard]] char* grow(std::size_t count) {
    if (capacity_ - size_ < count) reserve(std::max(2 * capacity_, size_ + count));
    char* const at = memory_.get() + size_;
    size_ += count;
    return at;
  }

  /// Keeps the memory.
  void clear() noexcept { size_ = 0; }

 private:
  void reserve(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ != 0) std::memcpy(larger.get(), memory_.get(), size_);
    memory_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace fleetgate::spool
