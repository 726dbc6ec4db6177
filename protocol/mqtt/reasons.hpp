// Reason codes (MQTT 5.0 section 2.4): which packet may carry which, and what a fault becomes.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/base/fault.hpp"
#include "protocol/mqtt/frame.hpp"

namespace fleetgate::mqtt {

inline constexpr std::uint8_t reason_success = 0x00;
inline constexpr std::uint8_t reason_no_subscription_existed = 0x11;
inline constexpr std::uint8_t reason_unspecified_error = 0x80;
inline constexpr std::uint8_t reason_packet_identifier_in_use = 0x91;
inline constexpr std::uint8_t reason_packet_identifier_not_found = 0x92;
inline constexpr std::uint8_t reason_shared_not_supported = 0x9E;

/// True where MQTT 5.0 lets a packet of `type`, sent to `side`, carry `reason`.
bool reason_allowed(packet_type type, receiver side, std::uint8_t reason) noexcept;

/// What a server puts for `why` into CONNACK, PUBACK, PUBREC, PUBCOMP or DISCONNECT: the
/// catalogue's code, or the nearest that the packet may carry.
std::uint8_t reason_for(packet_type type, fault_code why) noexcept;

/// The CONNACK return code of 3.1.1 (its section 3.2.2.3); nothing where the connection is closed
/// without one.
std::optional<std::uint8_t> return_code_v3(fault_code why) noexcept;

}  // namespace fleetgate::mqtt
