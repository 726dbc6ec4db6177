#include "protocol/mqtt/frame.hpp"

#include <array>

#include "protocol/mqtt/variable_int.hpp"

namespace fleetgate::mqtt {
namespace {

constexpr std::uint8_t type_bits(std::byte first) noexcept {
  return static_cast<std::uint8_t>(first) >> 4;
}

constexpr std::uint8_t flag_bits(std::byte first) noexcept {
  return static_cast<std::uint8_t>(first) & 0x0F;
}

/// Section 2.1.3, Table 2-2: the flags of every type but PUBLISH are fixed.
constexpr std::array<std::uint8_t, 16> fixed_flags{0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0};

}  // namespace

std::optional<decode_fault> check_first_byte(std::byte first) noexcept {
  const auto type = type_bits(first);
  const auto flags = flag_bits(first);
  if (type == 0) return decode_fault{fault_code::malformed_packet, 0, "packet type 0 is reserved"};
  if (static_cast<packet_type>(type) != packet_type::publish) {
    if (flags == fixed_flags[type]) return std::nullopt;
    return decode_fault{fault_code::malformed_packet, 0, "reserved flags [MQTT-2.1.3-1]"};
  }
  const int qos = flags >> 1 & 3;
  if (qos == 3) return decode_fault{fault_code::malformed_packet, 0, "QoS 3 [MQTT-3.3.1-4]"};
  if (qos == 0 && (flags & 8) != 0) {
    return decode_fault{fault_code::malformed_packet, 0, "DUP at QoS 0 [MQTT-3.3.1-2]"};
  }
  return std::nullopt;
}

framed next_frame(byte_view input, std::size_t maximum_size) noexcept {
  if (input.empty()) return need_more{};
  if (const auto f = check_first_byte(input.front())) return *f;
  const variable_int length = read_variable_int(input.subspan(1));
  switch (length.what) {
    case variable_int::state::need_more:
      return need_more{};
    case variable_int::state::malformed:
      return decode_fault{fault_code::malformed_packet, 1,
                          "Remaining Length of more than 4 bytes (section 2.1.4)"};
    case variable_int::state::complete:
      break;
  }
  const std::size_t header = 1u + length.size;
  if (header + length.value > maximum_size) {
    return decode_fault{fault_code::packet_too_large, 1, "Maximum Packet Size [MQTT-3.2.2-15]"};
  }
  if (input.size() - header < length.value) return need_more{};
  return frame{static_cast<packet_type>(type_bits(input.front())), flag_bits(input.front()),
               static_cast<std::uint8_t>(header), length.shortest,
               input.subspan(header, length.value)};
}

bool may_receive(receiver side, packet_type type) noexcept {
  switch (type) {
    case packet_type::connect:
    case packet_type::subscribe:
    case packet_type::unsubscribe:
    case packet_type::pingreq:
      return side == receiver::server;
    case packet_type::connack:
    case packet_type::suback:
    case packet_type::unsuback:
    case packet_type::pingresp:
      return side == receiver::client;
    case packet_type::publish:
    case packet_type::puback:
    case packet_type::pubrec:
    case packet_type::pubrel:
    case packet_type::pubcomp:
    case packet_type::disconnect:
    case packet_type::auth:
      return true;
  }
  return false;
}

std::string_view to_string(packet_type type) noexcept {
  switch (type) {
    case packet_type::connect:
      return "CONNECT";
    case packet_type::connack:
      return "CONNACK";
    case packet_type::publish:
      return "PUBLISH";
    case packet_type::puback:
      return "PUBACK";
    case packet_type::pubrec:
      return "PUBREC";
    case packet_type::pubrel:
      return "PUBREL";
    case packet_type::pubcomp:
      return "PUBCOMP";
    case packet_type::subscribe:
      return "SUBSCRIBE";
    case packet_type::suback:
      return "SUBACK";
    case packet_type::unsubscribe:
      return "UNSUBSCRIBE";
    case packet_type::unsuback:
      return "UNSUBACK";
    case packet_type::pingreq:
      return "PINGREQ";
    case packet_type::pingresp:
      return "PINGRESP";
    case packet_type::disconnect:
      return "DISCONNECT";
    case packet_type::auth:
      return "AUTH";
  }
  return "";
}

}  // namespace fleetgate::mqtt
