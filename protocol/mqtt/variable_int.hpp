// Variable Byte Integer (MQTT 5.0 section 1.5.5): seven bits a byte, at most four bytes.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/base/bytes.hpp"

namespace fleetgate::mqtt {

inline constexpr std::uint32_t maximum_variable_int = 268'435'455;

struct variable_int {
  enum class state : std::uint8_t { complete, need_more, malformed };
  state what = state::need_more;
  std::uint8_t size = 0;  // bytes it takes, where complete
  bool shortest = true;   // [MQTT-1.5.5-1] asks for the fewest bytes
  std::uint32_t value = 0;
};

inline variable_int read_variable_int(byte_view in) noexcept {
  variable_int v;
  for (std::uint8_t i = 0; i < 4; ++i) {
    if (i == in.size()) return v;
    const auto b = static_cast<std::uint8_t>(in[i]);
    v.value |= static_cast<std::uint32_t>(b & 0x7F) << (7 * i);
    if ((b & 0x80) == 0) {
      v.what = variable_int::state::complete;
      v.size = static_cast<std::uint8_t>(i + 1);
      v.shortest = b != 0 || i == 0;
      return v;
    }
  }
  v.what = variable_int::state::malformed;
  return v;
}

/// `value` is at most maximum_variable_int.
inline void write_variable_int(std::uint32_t value, std::string& out) {
  while (value > 0x7F) {
    out.push_back(static_cast<char>((value & 0x7F) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

}  // namespace fleetgate::mqtt
