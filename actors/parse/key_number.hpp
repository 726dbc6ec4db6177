// Sequence and epoch of the key, from a payload's member or a user property. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/parse/wanted_members.hpp"

namespace fleetgate::parse {

/// Not there, there and below 2^63, or there and no good (sequence_invalid).
struct key_number {
  bool valid = true;
  std::optional<std::uint64_t> value;
};

/// A whole number, as such or as decimal digits. A sequence counts, so other text is no good.
key_number sequence_from(const found_value& found) noexcept;
key_number sequence_from(std::string_view property) noexcept;  // "" where absent

/// A whole number, as such or as decimal digits, or any other text: then its XXH3-64 without the
/// highest bit (a boot's UUID names an epoch as well as a counter does).
key_number epoch_from(const found_value& found) noexcept;
key_number epoch_from(std::string_view property) noexcept;  // "" where absent

}  // namespace fleetgate::parse
