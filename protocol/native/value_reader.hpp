// The subset of MessagePack that frames are made of: nil, whole numbers, text, bytes, arrays. What
// else there is can be passed over, in fields that a later version added.
// Own code and not msgpack-cxx (docs/adr/0006-native-protocol.md): its parser builds objects or
// calls a visitor value by value, while a frame is read field by field with views into the frame,
// the offset of a fault, and the writer as its mirror image. Pure, allocates nothing. The first
// fault sticks: what is read after it is empty. A length is compared with what is left before
// anything is done with it, so it can never exceed what holds it.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/base/bytes.hpp"
#include "protocol/native/frame.hpp"

namespace fleetgate::native {

class value_reader {
 public:
  /// `base` is the offset of `bytes` within the frame.
  value_reader(byte_view bytes, std::size_t base) noexcept : in_(bytes), base_(base) {}

  /// Consumes a nil where one is next.
  bool nil() noexcept;
  /// True where an array is next.
  [[nodiscard]] bool at_array() const noexcept;
  /// Any encoding of a whole number from 0 to `most`.
  std::uint64_t number(std::uint64_t most) noexcept;
  /// Clean UTF-8 (protocol/base/utf8.hpp) of at most `most` bytes.
  std::string_view text(std::size_t most) noexcept;
  byte_view binary(std::size_t most) noexcept;
  /// How many elements follow; each is at least a byte, so never more than the bytes that are left.
  std::uint32_t array() noexcept;
  /// How many pairs of name and value follow, likewise. Frames have no maps; HTTP bodies do.
  std::uint32_t map() noexcept;
  /// Passes over `count` values of any kind and depth, in one pass.
  void skip(std::uint64_t count) noexcept;

  [[nodiscard]] bool ok() const noexcept { return !failed_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return in_.remaining(); }
  [[nodiscard]] byte_view rest() const noexcept { return in_.rest(); }
  /// Of the next byte within the frame.
  [[nodiscard]] std::size_t offset() const noexcept { return base_ + in_.offset(); }
  [[nodiscard]] const decode_fault& why() const noexcept { return fault_; }

  /// Records a fault at the byte that is next.
  void fail(fault_code code, std::string_view what) noexcept;
  void require(bool holds, fault_code code, std::string_view what) noexcept {
    if (!holds) [[unlikely]]
      fail(code, what);
  }

 private:
  template <class Int>
  std::uint64_t value(std::optional<Int> v) noexcept {
    if (v) [[likely]]
      return *v;
    fail(fault_code::malformed_packet, "the frame ends within a field");
    return 0;
  }
  byte_view take(std::uint64_t size, std::size_t most) noexcept;
  std::uint64_t skip_one() noexcept;

  byte_reader in_;
  std::size_t base_;
  bool failed_ = false;
  decode_fault fault_;
};

}  // namespace fleetgate::native
