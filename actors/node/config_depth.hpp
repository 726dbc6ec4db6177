// How deep a TOML text nests by dotted names, told before it is parsed: toml++ recurses for each
// part, down and up again, and bounds only the nesting of values. Pure; linear in the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fleetgate::node {

struct text_position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;  // in bytes

  bool operator==(const text_position&) const = default;
};

/// A name cannot go over a line's end, so what bounds the dots of a line bounds the parts of each
/// name. None of fleetgate's has more than one dot.
constexpr std::size_t most_dots_in_line = 16;

/// Where a line has its first dot too many outside strings and comments.
std::optional<text_position> first_dot_too_many(std::string_view text) noexcept;

}  // namespace fleetgate::node
