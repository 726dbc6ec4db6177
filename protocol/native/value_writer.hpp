// Writes the MessagePack values that value_reader.hpp reads, each in its shortest form.
// Appends to a string that the caller owns and reuses. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/bytes.hpp"

namespace fleetgate::native {

class value_writer {
 public:
  explicit value_writer(std::string& out) noexcept : out_(out) {}

  void nil() { out_.u8(0xC0); }
  void number(std::uint64_t n) {
    if (n <= 0x7F) return out_.u8(static_cast<std::uint8_t>(n));
    sized(n, 0xCC, 0xCD, 0xCE);
  }
  void text(std::string_view s) {
    if (s.size() <= 31)
      out_.u8(static_cast<std::uint8_t>(0xA0 | s.size()));
    else
      sized(s.size(), 0xD9, 0xDA, 0xDB);
    out_.raw(s);
  }
  void binary(byte_view b) {
    sized(b.size(), 0xC4, 0xC5, 0xC6);
    out_.raw(b);
  }
  void array(std::size_t count) {
    if (count <= 15) return out_.u8(static_cast<std::uint8_t>(0x90 | count));
    if (count > 0xFFFF) {
      out_.u8(0xDD);
      return out_.u32(static_cast<std::uint32_t>(count));
    }
    out_.u8(0xDC);
    out_.u16(static_cast<std::uint16_t>(count));
  }
  /// Values that are encoded already.
  void raw(byte_view values) { out_.raw(values); }

 private:
  /// `n` behind the first of these bytes that has room for it; behind 0xCF above 32 bits.
  void sized(std::uint64_t n, std::uint8_t in_1, std::uint8_t in_2, std::uint8_t in_4) {
    if (n <= 0xFF) {
      out_.u8(in_1);
      out_.u8(static_cast<std::uint8_t>(n));
    } else if (n <= 0xFFFF) {
      out_.u8(in_2);
      out_.u16(static_cast<std::uint16_t>(n));
    } else if (n <= 0xFFFF'FFFF) {
      out_.u8(in_4);
      out_.u32(static_cast<std::uint32_t>(n));
    } else {
      out_.u8(0xCF);
      out_.u64(n);
    }
  }

  byte_writer out_;
};

}  // namespace fleetgate::native
