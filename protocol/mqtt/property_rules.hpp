// What the specification says about each property (MQTT 5.0 section 2.2.2.2, Table 2-4): its type,
// the packets it may be in, and whether it may be there more than once.
#pragma once

#include <cstdint>

#include "protocol/mqtt/properties.hpp"

namespace fleetgate::mqtt {

/// Where properties stand; will properties have rules of their own (section 3.1.3.2).
enum class property_place : std::uint8_t {
  connect,
  will,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  disconnect,
  auth,
};

enum class property_type : std::uint8_t {
  none,  // no such property
  flag,  // a byte that is 0 or 1
  two_byte,
  four_byte,
  variable,  // Variable Byte Integer
  text,      // UTF-8
  binary,
  pair,  // two texts
};

struct property_rule {
  property_type type = property_type::none;
  std::uint16_t places = 0;  // one bit per property_place

  [[nodiscard]] bool allowed_in(property_place p) const noexcept {
    return (places >> static_cast<unsigned>(p) & 1) != 0;
  }
};

/// The rule for an identifier as it is read; type none where there is no such property.
const property_rule& rule_of(std::uint8_t id) noexcept;

}  // namespace fleetgate::mqtt
