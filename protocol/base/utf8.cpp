#include "protocol/base/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace fleetgate {
namespace {

/// Bytes of the well-formed sequence that begins at `p` (of at most `n` bytes), 0 where none does.
/// The bounds are those of RFC 3629 section 4.
std::size_t sequence_length(const unsigned char* p, std::size_t n) noexcept {
  const auto tail = [&](std::size_t i, unsigned char low = 0x80, unsigned char high = 0xBF) {
    return i < n && p[i] >= low && p[i] <= high;
  };
  const unsigned char c = p[0];
  if (c < 0x80) return c != 0 ? 1 : 0;
  if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    const bool second = c == 0xE0 ? tail(1, 0xA0) : c == 0xED ? tail(1, 0x80, 0x9F) : tail(1);
    return second && tail(2) ? 3 : 0;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    const bool second = c == 0xF0 ? tail(1, 0x90) : c == 0xF4 ? tail(1, 0x80, 0x8F) : tail(1);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

/// True where all eight bytes are ASCII and none is zero.
bool is_plain_ascii(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
  return (word & highs) == 0 && ((word - ones) & ~word & highs) == 0;
}

}  // namespace

bool is_clean_utf8(std::string_view s) noexcept {
  const auto* p = reinterpret_cast<const unsigned char*>(s.data());
  std::size_t n = s.size();
  while (n != 0) {
    if (n >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, p, 8);
      if (is_plain_ascii(word)) {
        p += 8;
        n -= 8;
        continue;
      }
    }
    const std::size_t step = sequence_length(p, n);
    if (step == 0) return false;
    p += step;
    n -= step;
  }
  return true;
}

}  // namespace fleetgate
