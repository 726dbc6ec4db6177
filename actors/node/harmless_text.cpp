#include "actors/node/harmless_text.hpp"

#include <algorithm>
#include <cstdint>

namespace fleetgate::node {
namespace {

constexpr std::size_t format_bytes = 3;  // all of them are as long in UTF-8 (RFC 3629 section 3)

bool is_between(std::uint32_t c, std::uint32_t first, std::uint32_t last) noexcept {
  return first <= c && c <= last;
}

bool is_format_at(const std::string& text, std::size_t at) noexcept {
  if (text.size() - at < format_bytes) return false;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  if ((byte(0) & 0xF0u) != 0xE0) return false;
  const std::uint32_t c = (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
  return is_between(c, 0x200B, 0x200F) || is_between(c, 0x202A, 0x202E) ||
         is_between(c, 0x2060, 0x2069) || c == 0xFEFF;
}

}  // namespace

std::string harmless(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_format_at(text, i)) text.replace(i, format_bytes, "?");
  }
  return text;
}

}  // namespace fleetgate::node
