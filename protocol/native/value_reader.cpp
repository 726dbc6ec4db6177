#include "protocol/native/value_reader.hpp"

#include "protocol/base/utf8.hpp"

namespace fleetgate::native {

void value_reader::fail(fault_code code, std::string_view what) noexcept {
  if (failed_) return;
  failed_ = true;
  fault_ = {code, offset(), what};
  base_ = offset();
  in_ = byte_reader({});
}

bool value_reader::nil() noexcept {
  if (in_.empty() || in_.rest().front() != std::byte{0xC0}) return false;
  (void)in_.u8();
  return true;
}

bool value_reader::at_array() const noexcept {
  if (in_.empty()) return false;
  const auto first = static_cast<std::uint8_t>(in_.rest().front());
  return (first & 0xF0) == 0x90 || first == 0xDC || first == 0xDD;
}

// MessagePack specification, Int format family. A signed encoding of what is not negative is
// taken: some writers know no other.
std::uint64_t value_reader::number(std::uint64_t most) noexcept {
  const auto first = value(in_.u8());
  std::uint64_t n = 0;
  bool negative = false;
  switch (first) {
    case 0xCC:
      n = value(in_.u8());
      break;
    case 0xCD:
      n = value(in_.u16());
      break;
    case 0xCE:
      n = value(in_.u32());
      break;
    case 0xCF:
      n = value(in_.u64());
      break;
    case 0xD0:
      n = value(in_.u8());
      negative = n > 0x7F;
      break;
    case 0xD1:
      n = value(in_.u16());
      negative = n > 0x7FFF;
      break;
    case 0xD2:
      n = value(in_.u32());
      negative = n > 0x7FFF'FFFF;
      break;
    case 0xD3:
      n = value(in_.u64());
      negative = n > 0x7FFF'FFFF'FFFF'FFFF;
      break;
    default:
      n = first;
      require(first <= 0x7F || first >= 0xE0, fault_code::malformed_packet,
              "a whole number belongs here");
      negative = first >= 0xE0;
  }
  require(!negative && n <= most, fault_code::malformed_packet, "a number out of its range");
  return ok() ? n : 0;
}

std::string_view value_reader::text(std::size_t most) noexcept {
  const auto first = value(in_.u8());
  std::uint64_t size = 0;
  switch (first) {
    case 0xD9:
      size = value(in_.u8());
      break;
    case 0xDA:
      size = value(in_.u16());
      break;
    case 0xDB:
      size = value(in_.u32());
      break;
    default:
      require((first & 0xE0) == 0xA0, fault_code::malformed_packet, "text belongs here");
      size = first & 0x1F;
  }
  const auto s = as_text(take(size, most));
  require(is_clean_utf8(s), fault_code::malformed_packet, "ill-formed UTF-8 or U+0000");
  return ok() ? s : std::string_view{};
}

byte_view value_reader::binary(std::size_t most) noexcept {
  switch (value(in_.u8())) {
    case 0xC4:
      return take(value(in_.u8()), most);
    case 0xC5:
      return take(value(in_.u16()), most);
    case 0xC6:
      return take(value(in_.u32()), most);
    default:
      fail(fault_code::malformed_packet, "bytes (bin) belong here");
      return {};
  }
}

byte_view value_reader::take(std::uint64_t size, std::size_t most) noexcept {
  require(size <= in_.remaining(), fault_code::malformed_packet, "a length exceeds what holds it");
  require(size <= most, fault_code::packet_too_large, "longer than this field may be");
  if (failed_) return {};
  return *in_.take(static_cast<std::size_t>(size));
}

std::uint32_t value_reader::array() noexcept {
  const auto first = value(in_.u8());
  std::uint64_t count = 0;
  switch (first) {
    case 0xDC:
      count = value(in_.u16());
      break;
    case 0xDD:
      count = value(in_.u32());
      break;
    default:
      require((first & 0xF0) == 0x90, fault_code::malformed_packet, "an array belongs here");
      count = first & 0x0F;
  }
  require(count <= in_.remaining(), fault_code::malformed_packet, "a length exceeds what holds it");
  return ok() ? static_cast<std::uint32_t>(count) : 0;
}

std::uint32_t value_reader::map() noexcept {
  const auto first = value(in_.u8());
  std::uint64_t count = 0;
  switch (first) {
    case 0xDE:
      count = value(in_.u16());
      break;
    case 0xDF:
      count = value(in_.u32());
      break;
    default:
      require((first & 0xF0) == 0x80, fault_code::malformed_packet, "a map belongs here");
      count = first & 0x0F;
  }
  require(2 * count <= in_.remaining(), fault_code::malformed_packet,
          "a length exceeds what holds it");
  return ok() ? static_cast<std::uint32_t>(count) : 0;
}

// No recursion: values inside a container are added to those that are still to be passed over.
// Each takes a byte at least, so the sum can be compared with what is left.
void value_reader::skip(std::uint64_t count) noexcept {
  while (count != 0 && ok()) {
    count += skip_one();
    --count;
    require(count <= in_.remaining(), fault_code::malformed_packet,
            "a length exceeds what holds it");
  }
}

/// Passes over one value's own bytes; returns how many values it says are in it.
std::uint64_t value_reader::skip_one() noexcept {
  constexpr auto all = static_cast<std::size_t>(-1);
  const auto first = value(in_.u8());
  if (first <= 0x7F || first >= 0xE0 || failed_) return 0;
  if (first <= 0x8F) return 2 * (first & 0x0F);
  if (first <= 0x9F) return first & 0x0F;
  std::uint64_t data = 0;
  if (first <= 0xBF) {
    data = first & 0x1F;
  } else {
    switch (first) {
      case 0xC0:  // nil
      case 0xC2:  // false
      case 0xC3:  // true
        break;
      case 0xC4:  // bin, str: a size
      case 0xD9:
        data = value(in_.u8());
        break;
      case 0xC5:
      case 0xDA:
        data = value(in_.u16());
        break;
      case 0xC6:
      case 0xDB:
        data = value(in_.u32());
        break;
      case 0xC7:  // ext: a size, and a byte for its type
        data = value(in_.u8()) + 1;
        break;
      case 0xC8:
        data = value(in_.u16()) + 1;
        break;
      case 0xC9:
        data = value(in_.u32()) + 1;
        break;
      case 0xCC:  // numbers
      case 0xD0:
        data = 1;
        break;
      case 0xCD:
      case 0xD1:
        data = 2;
        break;
      case 0xCA:
      case 0xCE:
      case 0xD2:
        data = 4;
        break;
      case 0xCB:
      case 0xCF:
      case 0xD3:
        data = 8;
        break;
      case 0xD4:  // fixext
      case 0xD5:
      case 0xD6:
      case 0xD7:
      case 0xD8:
        data = (std::uint64_t{1} << (first - 0xD4)) + 1;
        break;
      case 0xDC:
        return value(in_.u16());
      case 0xDD:
        return value(in_.u32());
      case 0xDE:
        return 2 * value(in_.u16());
      case 0xDF:
        return 2 * value(in_.u32());
      default:  // 0xC1
        fail(fault_code::malformed_packet, "no MessagePack value begins with 0xC1");
        return 0;
    }
  }
  (void)take(data, all);
  return 0;
}

}  // namespace fleetgate::native
