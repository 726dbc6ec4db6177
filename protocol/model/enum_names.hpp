// An enumerator by its name, where the names lie in the enumeration's order. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace fleetgate::model {

template <class Enum, std::size_t N>
std::optional<Enum> find_by_name(const std::array<std::string_view, N>& names, std::string_view s) {
  const auto it = std::find(names.begin(), names.end(), s);
  if (it == names.end()) return std::nullopt;
  return static_cast<Enum>(it - names.begin());
}

}  // namespace fleetgate::model
