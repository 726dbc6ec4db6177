// Integers of the spool's files are little-endian on every machine. Pure.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace fleetgate::spool {

template <std::unsigned_integral Int>
void store_le(char* to, Int v) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &v, sizeof v);
  } else {
    for (std::size_t i = 0; i < sizeof v; ++i) to[i] = static_cast<char>(v >> (8 * i) & 0xFF);
  }
}

template <std::unsigned_integral Int>
Int load_le(const std::byte* from) noexcept {
  Int v = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&v, from, sizeof v);
  } else {
    for (std::size_t i = sizeof v; i-- > 0;) {
      v = static_cast<Int>(static_cast<Int>(v << 8) | static_cast<Int>(from[i]));
    }
  }
  return v;
}

}  // namespace fleetgate::spool
