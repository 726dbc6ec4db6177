#include "actors/observe/escape.hpp"

#include <cstdint>

namespace fleetgate::observe {
namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD

std::uint8_t byte_at(std::string_view s, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(s[i]);
}

bool is_continuation(std::uint8_t b) noexcept {
  return (b & 0xC0) == 0x80;
}

void append_u_escape(std::string& out, std::uint8_t code) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u00";
  out += digits[code >> 4];
  out += digits[code & 0xF];
}

void append_json_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto code = static_cast<std::uint8_t>(c);
  if (code < 0x20 || code == 0x7F)
    append_u_escape(out, code);
  else
    out += c;
}

// U+0080 to U+009F: some terminals obey them like ESC sequences.
bool is_c1_control(std::string_view sequence) noexcept {
  return sequence.size() == 2 && byte_at(sequence, 0) == 0xC2 && byte_at(sequence, 1) < 0xA0;
}

}  // namespace

std::size_t utf8_sequence_length(std::string_view s) noexcept {
  const std::uint8_t lead = byte_at(s, 0);
  if (lead < 0x80) return 1;
  // RFC 3629 section 4: the second byte's range excludes overlong forms, surrogates and > U+10FFFF.
  std::size_t length = 0;
  std::uint8_t least = 0x80;
  std::uint8_t most = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF)
    length = 2;
  else if (lead >= 0xE0 && lead <= 0xEF)
    length = 3;
  else if (lead >= 0xF0 && lead <= 0xF4)
    length = 4;
  if (lead == 0xE0) least = 0xA0;
  if (lead == 0xED) most = 0x9F;
  if (lead == 0xF0) least = 0x90;
  if (lead == 0xF4) most = 0x8F;
  if (length == 0 || s.size() < length) return 0;
  if (byte_at(s, 1) < least || byte_at(s, 1) > most) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!is_continuation(byte_at(s, i))) return 0;
  }
  return length;
}

void append_json_string(std::string& out, std::string_view s) {
  out += '"';
  while (!s.empty()) {
    const std::size_t n = utf8_sequence_length(s);
    if (n == 0)
      out += replacement_character;
    else if (n == 1)
      append_json_ascii(out, s.front());
    else if (is_c1_control(s.substr(0, n)))
      append_u_escape(out, byte_at(s, 1));
    else
      out += s.substr(0, n);
    s.remove_prefix(n == 0 ? 1 : n);
  }
  out += '"';
}

void append_metric_text(std::string& out, std::string_view s, bool escape_quotes) {
  while (!s.empty()) {
    const std::size_t n = utf8_sequence_length(s);
    const char c = s.front();
    if (n == 0)
      out += replacement_character;
    else if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && escape_quotes)
      out += "\\\"";
    else
      out += s.substr(0, n);
    s.remove_prefix(n == 0 ? 1 : n);
  }
}

std::string_view cut_at_character(std::string_view s, std::size_t most) noexcept {
  if (s.size() <= most) return s;
  std::size_t end = most;
  // A character has at most three continuation bytes; more is malformed and may be cut anywhere.
  for (int back = 0; back < 3 && end > 0 && is_continuation(byte_at(s, end)); ++back) --end;
  return s.substr(0, is_continuation(byte_at(s, end)) ? most : end);
}

}  // namespace fleetgate::observe
