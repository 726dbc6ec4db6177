// The fixed header (MQTT 5.0 section 2.1): cuts one packet out of received bytes.
// Pure. Never allocates: a declared length is only compared with the caller's limit, and too long
// a packet is refused from its header, before its body arrives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "protocol/base/bytes.hpp"
#include "protocol/base/fault.hpp"

namespace fleetgate::mqtt {

/// The byte after the protocol name, MQTT 5.0 section 3.1.2.2.
enum class protocol_version : std::uint8_t { v3_1_1 = 4, v5 = 5 };

/// MQTT 5.0 section 2.1.2, Table 2-1. In 3.1.1 the value of auth is reserved.
enum class packet_type : std::uint8_t {
  connect = 1,
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
  pingreq,
  pingresp,
  disconnect,
  auth,
};

/// Who is to receive a packet. Some types, properties and reason codes go one way only.
enum class receiver : std::uint8_t { server, client };

/// Why bytes are not a packet. `offset` counts from the packet's first byte; `what` is a literal
/// that names the clause.
struct decode_fault {
  fault_code code = fault_code::malformed_packet;
  std::size_t offset = 0;
  std::string_view what;
};

struct frame {
  packet_type type = packet_type::connect;
  std::uint8_t flags = 0;        // the low four bits of the first byte
  std::uint8_t header_size = 2;  // 2 to 5
  bool shortest_length = true;   // the Remaining Length uses as few bytes as it can
  byte_view body;

  [[nodiscard]] std::size_t size() const noexcept { return header_size + body.size(); }
};

struct need_more {};

using framed = std::variant<need_more, frame, decode_fault>;

/// Reserved types and flags (MQTT 5.0 section 2.1.3), which the first byte alone gives away.
std::optional<decode_fault> check_first_byte(std::byte first) noexcept;

/// The packet at the front of `input`. Reserved types and flags are refused from the first byte,
/// packets of more than `maximum_size` bytes (header included) from the header.
framed next_frame(byte_view input, std::size_t maximum_size) noexcept;

/// MQTT 5.0 section 2.1.2: the types that this side may be sent.
bool may_receive(receiver side, packet_type type) noexcept;

/// Upper-case, as the specification writes it.
std::string_view to_string(packet_type type) noexcept;

}  // namespace fleetgate::mqtt
