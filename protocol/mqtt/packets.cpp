#include "protocol/mqtt/packets.hpp"

namespace fleetgate::mqtt {

std::uint32_t will_view::delay_s() const noexcept {
  return props.number(property_id::will_delay_interval).value_or(0);
}

std::optional<subscription> next_subscription(byte_view& filters) noexcept {
  byte_reader in(filters);
  const auto text = in.take(in.u16().value_or(0));
  const auto options = in.u8();
  if (!text || !options) return std::nullopt;
  filters = in.rest();
  return subscription{as_text(*text), static_cast<std::uint8_t>(*options & 3),
                      (*options & 0x04) != 0, (*options & 0x08) != 0,
                      static_cast<std::uint8_t>(*options >> 4 & 3)};
}

std::optional<std::string_view> next_filter(byte_view& filters) noexcept {
  if (filters.empty()) return std::nullopt;
  byte_reader in(filters);
  const auto text = in.take(in.u16().value_or(0));
  if (!text) return std::nullopt;
  filters = in.rest();
  return as_text(*text);
}

}  // namespace fleetgate::mqtt
