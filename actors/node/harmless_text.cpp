#include "actors/node/harmless_text.hpp"

#include <cstdint>
#include <string_view>

namespace fleetgate::node {
namespace {

bool is_between(std::uint32_t c, std::uint32_t first, std::uint32_t last) noexcept {
  return first <= c && c <= last;
}

/// How many bytes of `rest`'s front steer a terminal; 0: its first one does not.
std::size_t steering(std::string_view rest) noexcept {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < rest.size() ? static_cast<std::uint8_t>(rest[i]) : 0u;
  };
  const auto goes_on = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80; };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  // UTF-8, RFC 3629 section 3.
  if ((byte(0) & 0xE0u) == 0xC0 && goes_on(1)) {
    const std::uint32_t c = (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    return is_between(c, 0x80, 0x9F) || c == 0x061C ? 2 : 0;
  }
  if ((byte(0) & 0xF0u) != 0xE0 || !goes_on(1) || !goes_on(2)) return 0;
  const std::uint32_t c = (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
  return is_between(c, 0x200B, 0x200F) || is_between(c, 0x2028, 0x202E) ||
                 is_between(c, 0x2060, 0x2069) || c == 0xFEFF
             ? 3
             : 0;
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = steering(text);
    out += bytes == 0 ? text.front() : '?';
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return out;
}

}  // namespace fleetgate::node
