#include "protocol/model/ids.hpp"

#include <charconv>

namespace fleetgate::model {
namespace {

constexpr char digits[] = "0123456789abcdef";

void append_hex(std::string& out, std::uint64_t v) {
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(digits[v >> shift & 15]);
}

/// Exactly 16 lowercase hexadecimal digits.
std::optional<std::uint64_t> parse_hex(std::string_view s) noexcept {
  std::uint64_t v = 0;
  for (const char c : s) {
    if (c >= '0' && c <= '9')
      v = v << 4 | static_cast<std::uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      v = v << 4 | static_cast<std::uint64_t>(c - 'a' + 10);
    else
      return std::nullopt;
  }
  return v;
}

}  // namespace

std::string to_string(const trace_id& id) {
  std::string out;
  out.reserve(32);
  append_hex(out, id.high);
  append_hex(out, id.low);
  return out;
}

std::optional<trace_id> parse_traceparent(std::string_view s) noexcept {
  // version "-" trace-id "-" parent-id "-" flags = 2 + 1 + 32 + 1 + 16 + 1 + 2
  constexpr std::size_t length = 55;
  if (s.size() < length || s[2] != '-' || s[35] != '-' || s[52] != '-') return std::nullopt;
  const auto version = parse_hex(s.substr(0, 2));
  if (!version || *version == 0xFF) return std::nullopt;
  if (*version == 0 ? s.size() != length : s.size() > length && s[length] != '-') {
    return std::nullopt;
  }
  const auto high = parse_hex(s.substr(3, 16)), low = parse_hex(s.substr(19, 16));
  const auto parent = parse_hex(s.substr(36, 16));
  if (!high || !low || !parent || *parent == 0 || !parse_hex(s.substr(53, 2))) return std::nullopt;
  if (*high == 0 && *low == 0) return std::nullopt;
  return trace_id{*high, *low};
}

std::string to_string(const spool_uuid& id) {
  std::string out;
  out.reserve(32);
  for (const auto b : id.bytes) {
    out.push_back(digits[b >> 4]);
    out.push_back(digits[b & 15]);
  }
  return out;
}

std::optional<spool_uuid> parse_spool_uuid(std::string_view s) noexcept {
  if (s.size() != 32) return std::nullopt;
  spool_uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const auto byte = parse_hex(s.substr(2 * i, 2));
    if (!byte) return std::nullopt;
    id.bytes[i] = static_cast<std::uint8_t>(*byte);
  }
  return id;
}

std::string to_string(const position& p) {
  return std::to_string(p.incarnation) + "-" + std::to_string(p.lsn);
}

std::optional<position> parse_position(std::string_view s) noexcept {
  position p;
  const char* const end = s.data() + s.size();
  const auto first = std::from_chars(s.data(), end, p.incarnation);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, p.lsn);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return p;
}

}  // namespace fleetgate::model
