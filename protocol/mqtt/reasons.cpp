#include "protocol/mqtt/reasons.hpp"

#include <initializer_list>

namespace fleetgate::mqtt {
namespace {

bool one_of(std::uint8_t reason, std::initializer_list<std::uint8_t> allowed) noexcept {
  for (const auto a : allowed) {
    if (a == reason) return true;
  }
  return false;
}

/// Section 3.14.2.1, Table 3-10.
bool disconnect_allowed(receiver side, std::uint8_t reason) noexcept {
  if (one_of(reason, {0x00, 0x80, 0x81, 0x82, 0x83, 0x90})) return true;
  if (reason >= 0x93 && reason <= 0x99) return true;
  if (side == receiver::server) return reason == 0x04;
  return one_of(reason, {0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F}) || (reason >= 0x9A && reason <= 0xA2);
}

/// The nearest code for one that the packet may not carry.
std::uint8_t substitute(std::uint8_t reason) noexcept {
  switch (reason) {
    case 0x8B:
      return 0x88;  // shutting down -> Server unavailable
    case 0x86:
    case 0x8C:
      return 0x87;  // who are you -> Not authorized
    case 0x84:
    case 0x85:
    case 0x91:
    case 0x92:
      return 0x82;  // Protocol Error
    default:
      return reason_unspecified_error;
  }
}

}  // namespace

bool reason_allowed(packet_type type, receiver side, std::uint8_t reason) noexcept {
  switch (type) {
    case packet_type::connack:
      return reason == 0 || (reason >= 0x80 && reason <= 0x8A) ||
             (reason >= 0x99 && reason <= 0x9D) || one_of(reason, {0x8C, 0x90, 0x95, 0x97, 0x9F});
    case packet_type::puback:
    case packet_type::pubrec:
      return one_of(reason, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99});
    case packet_type::pubrel:
    case packet_type::pubcomp:
      return one_of(reason, {0x00, 0x92});
    case packet_type::suback:
      return one_of(reason,
                    {0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2});
    case packet_type::unsuback:
      return one_of(reason, {0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91});
    case packet_type::disconnect:
      return disconnect_allowed(side, reason);
    case packet_type::auth:
      return side == receiver::server ? one_of(reason, {0x18, 0x19}) : one_of(reason, {0x00, 0x18});
    case packet_type::connect:
    case packet_type::publish:
    case packet_type::subscribe:
    case packet_type::unsubscribe:
    case packet_type::pingreq:
    case packet_type::pingresp:
      return reason == 0;
  }
  return false;
}

std::uint8_t reason_for(packet_type type, fault_code why) noexcept {
  if (type == packet_type::pubcomp) return reason_packet_identifier_not_found;  // its only error
  const auto allowed = [&](std::uint8_t r) {
    return r >= 0x80 && reason_allowed(type, receiver::client, r);
  };
  const auto exact = describe(why).mqtt_reason;
  if (allowed(exact)) return exact;
  const auto near = substitute(exact);
  return allowed(near) ? near : reason_unspecified_error;
}

std::optional<std::uint8_t> return_code_v3(fault_code why) noexcept {
  if (why == fault_code::unsupported_protocol_version) return 1;
  if (why == fault_code::client_identifier_not_valid) return 2;
  if (why == fault_code::bad_user_name_or_password) return 4;
  switch (describe(why).cls) {
    case fault_class::auth:
      return 5;
    case fault_class::overload:
    case fault_class::transient:
    case fault_class::permanent:
      return 3;
    case fault_class::protocol:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace fleetgate::mqtt
