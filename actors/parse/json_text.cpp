#include "actors/parse/json_text.hpp"

#include <cstdint>

namespace fleetgate::parse {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Skips digits from `at`; false where there is none.
bool skip_digits(std::string_view s, std::size_t& at) noexcept {
  const std::size_t from = at;
  while (at < s.size() && is_digit(s[at])) ++at;
  return at != from;
}

bool is_number(std::string_view s) noexcept {
  std::size_t at = s.starts_with('-') ? 1 : 0;
  if (at < s.size() && s[at] == '0')
    ++at;
  else if (!skip_digits(s, at))
    return false;
  if (at < s.size() && s[at] == '.' && !skip_digits(s, ++at)) return false;
  if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
    ++at;
    if (at < s.size() && (s[at] == '+' || s[at] == '-')) ++at;
    if (!skip_digits(s, at)) return false;
  }
  return at == s.size();
}

/// Value of four hexadecimal digits at `at`.
std::optional<std::uint32_t> hex4(std::string_view s, std::size_t at) noexcept {
  if (s.size() < 4 || at > s.size() - 4) return std::nullopt;
  std::uint32_t v = 0;
  for (const char c : s.substr(at, 4)) {
    const auto lower = static_cast<char>(c | 0x20);
    if (is_digit(c))
      v = v << 4 | static_cast<std::uint32_t>(c - '0');
    else if (lower >= 'a' && lower <= 'f')
      v = v << 4 | static_cast<std::uint32_t>(lower - 'a' + 10);
    else
      return std::nullopt;
  }
  return v;
}

/// One escape, read at its backslash.
struct escape {
  std::uint32_t code_point;
  std::size_t length;
};

std::optional<escape> read_escape(std::string_view s, std::size_t at) noexcept {
  if (at + 1 >= s.size()) return std::nullopt;
  switch (s[at + 1]) {
    case '"':
      return escape{'"', 2};
    case '\\':
      return escape{'\\', 2};
    case '/':
      return escape{'/', 2};
    case 'b':
      return escape{'\b', 2};
    case 'f':
      return escape{'\f', 2};
    case 'n':
      return escape{'\n', 2};
    case 'r':
      return escape{'\r', 2};
    case 't':
      return escape{'\t', 2};
    case 'u':
      break;
    default:
      return std::nullopt;
  }
  const auto first = hex4(s, at + 2);
  if (!first || *first == 0) return std::nullopt;
  if (*first < 0xD800 || *first > 0xDFFF) return escape{*first, 6};
  if (*first > 0xDBFF || s.substr(at + 6, 2) != "\\u") return std::nullopt;
  const auto second = hex4(s, at + 8);
  if (!second || *second < 0xDC00 || *second > 0xDFFF) return std::nullopt;
  return escape{0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00), 12};
}

/// Appends `code_point` as UTF-8; false where it does not fit.
bool put_utf8(std::uint32_t code_point, std::span<char> out, std::size_t& size) noexcept {
  char bytes[4];
  std::size_t n = 0;
  const auto put = [&](std::uint32_t b) { bytes[n++] = static_cast<char>(b); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
  if (n > out.size() - size) return false;
  for (std::size_t i = 0; i < n; ++i) out[size++] = bytes[i];
  return true;
}

}  // namespace

std::string_view trim_end(std::string_view token) noexcept {
  while (!token.empty()) {
    const char c = token.back();
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') break;
    token.remove_suffix(1);
  }
  return token;
}

bool is_json_scalar(std::string_view token) noexcept {
  return is_number(token) || token == "true" || token == "false" || token == "null";
}

bool is_json_string_body(std::string_view body) noexcept {
  for (std::size_t at = 0; at < body.size();) {
    at = body.find_first_of("\\\"", at);
    if (at == std::string_view::npos) return true;
    if (body[at] == '"') return false;
    const auto found = read_escape(body, at);
    if (!found) return false;
    at += found->length;
  }
  return true;
}

std::optional<std::string_view> unescape(std::string_view body, std::span<char> buffer) noexcept {
  if (body.find('\\') == std::string_view::npos) return body;
  std::size_t size = 0;
  for (std::size_t at = 0; at < body.size();) {
    if (body[at] != '\\') {
      if (size == buffer.size()) return std::nullopt;
      buffer[size++] = body[at++];
      continue;
    }
    const auto found = read_escape(body, at);
    if (!found || !put_utf8(found->code_point, buffer, size)) return std::nullopt;
    at += found->length;
  }
  return std::string_view(buffer.data(), size);
}

}  // namespace fleetgate::parse
