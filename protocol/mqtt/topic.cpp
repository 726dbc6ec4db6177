#include "protocol/mqtt/topic.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fleetgate::mqtt {
namespace {

constexpr std::string_view share_prefix = "$share/";

constexpr bool has_byte(std::uint64_t word, char wanted) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
  const auto zero_where_equal = word ^ (ones * static_cast<unsigned char>(wanted));
  return ((zero_where_equal - ones) & ~zero_where_equal & highs) != 0;
}

bool is_plain_filter(std::string_view s) noexcept {
  if (s.empty()) return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '+' && s[i] != '#') continue;
    const bool begins_level = i == 0 || s[i - 1] == '/';
    const bool ends_filter = i + 1 == s.size();
    const bool ends_level = ends_filter || s[i + 1] == '/';
    if (!begins_level) return false;
    if (s[i] == '#' ? !ends_filter : !ends_level) return false;
  }
  return true;
}

}  // namespace

bool is_topic_name(std::string_view s) noexcept {
  if (s.empty()) return false;
  // Eight at a time: every message comes through here.
  while (s.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, s.data(), 8);
    if (has_byte(word, '+') || has_byte(word, '#')) return false;
    s.remove_prefix(8);
  }
  for (const char c : s) {
    if (c == '+' || c == '#') return false;
  }
  return true;
}

bool is_shared_filter(std::string_view s) noexcept {
  return s.starts_with(share_prefix);
}

bool is_topic_filter(std::string_view s, bool with_shares) noexcept {
  if (!with_shares || !is_shared_filter(s)) return is_plain_filter(s);
  s.remove_prefix(share_prefix.size());
  const auto slash = s.find('/');
  if (slash == std::string_view::npos) return false;
  return is_topic_name(s.substr(0, slash)) && is_plain_filter(s.substr(slash + 1));
}

}  // namespace fleetgate::mqtt
