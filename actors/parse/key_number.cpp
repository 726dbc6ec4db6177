#include "actors/parse/key_number.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>

namespace fleetgate::parse {
namespace {

constexpr std::uint64_t most = 0x7FFFFFFFFFFFFFFF;
constexpr key_number invalid{false, std::nullopt};

key_number whole(std::uint64_t n) noexcept {
  return n <= most ? key_number{true, n} : invalid;
}

/// Decimal digits only: no sign, no space, no exponent.
std::optional<std::uint64_t> digits(std::string_view text) noexcept {
  std::uint64_t n = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, n);
  if (read.ec != std::errc{} || read.ptr != end || n > most) return std::nullopt;
  return n;
}

key_number sequence_text(std::string_view text) noexcept {
  const auto n = digits(text);
  return n ? key_number{true, n} : invalid;
}

key_number epoch_text(std::string_view text) noexcept {
  if (text.empty()) return invalid;
  if (const auto n = digits(text)) return {true, n};
  return {true, XXH3_64bits(text.data(), text.size()) & most};
}

key_number from(const found_value& found, key_number (*from_text)(std::string_view)) noexcept {
  switch (found.kind) {
    case value_kind::absent:
    case value_kind::null:
      return {};
    case value_kind::integer:
      return whole(found.integer);
    case value_kind::text:
      return from_text(found.text);
    case value_kind::decimal:
    case value_kind::time:
    case value_kind::other:
      return invalid;
  }
  return invalid;
}

}  // namespace

key_number sequence_from(const found_value& found) noexcept {
  return from(found, sequence_text);
}
key_number sequence_from(std::string_view property) noexcept {
  return property.empty() ? key_number{} : sequence_text(property);
}
key_number epoch_from(const found_value& found) noexcept {
  return from(found, epoch_text);
}
key_number epoch_from(std::string_view property) noexcept {
  return property.empty() ? key_number{} : epoch_text(property);
}

}  // namespace fleetgate::parse
