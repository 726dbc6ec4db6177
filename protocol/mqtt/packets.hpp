// The control packets of MQTT 3.1.1 and 5.0 (section 3 of both): plain structs.
// Pure. Text, payloads and properties are views into the bytes they were decoded from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "protocol/base/bytes.hpp"
#include "protocol/mqtt/frame.hpp"
#include "protocol/mqtt/properties.hpp"

namespace fleetgate::mqtt {

/// What the server publishes for a client that went without a goodbye. Section 3.1.3.2 and on.
struct will_view {
  std::uint8_t qos = 0;
  bool retain = false;
  properties props;  // the will's own: delay, expiry, content type ...
  std::string_view topic;
  byte_view payload;

  [[nodiscard]] std::uint32_t delay_s() const noexcept;
};

/// Section 3.1.
struct connect_packet {
  protocol_version version = protocol_version::v5;
  bool clean_start = true;  // 3.1.1: Clean Session
  std::uint16_t keep_alive_s = 0;
  properties props;
  std::string_view client_id;
  std::optional<will_view> will;
  std::optional<std::string_view> user_name;
  std::optional<byte_view> password;
};

/// Section 3.2. In 3.1.1 `reason` is the return code, 0 to 5.
struct connack_packet {
  bool session_present = false;
  std::uint8_t reason = 0;
  properties props;
};

/// Section 3.3.
struct publish_packet {
  std::string_view topic;
  byte_view payload;
  std::uint16_t packet_id = 0;  // 0 at QoS 0
  std::uint8_t qos = 0;
  bool dup = false;
  bool retain = false;
  properties props;
};

/// PUBACK, PUBREC, PUBREL and PUBCOMP: sections 3.4 to 3.7. In 3.1.1 only the identifier.
struct ack_packet {
  packet_type type = packet_type::puback;
  std::uint16_t packet_id = 0;
  std::uint8_t reason = 0;
  properties props;
};

/// One filter of a SUBSCRIBE with its options, section 3.8.3.1. In 3.1.1 only the QoS.
struct subscription {
  std::string_view filter;
  std::uint8_t maximum_qos = 0;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint8_t retain_handling = 0;
};

/// Section 3.8. `filters` is the payload, checked: walk it with next_subscription.
struct subscribe_packet {
  std::uint16_t packet_id = 0;
  properties props;
  byte_view filters;
};

/// SUBACK and UNSUBACK: sections 3.9 and 3.11. An UNSUBACK of 3.1.1 has no reasons.
struct suback_packet {
  packet_type type = packet_type::suback;
  std::uint16_t packet_id = 0;
  properties props;
  byte_view reasons;
};

/// Section 3.10. `filters` is the payload, checked: walk it with next_filter.
struct unsubscribe_packet {
  std::uint16_t packet_id = 0;
  properties props;
  byte_view filters;
};

/// PINGREQ and PINGRESP: sections 3.12 and 3.13.
struct ping_packet {
  packet_type type = packet_type::pingreq;
};

/// DISCONNECT and, in 5.0, AUTH: sections 3.14 and 3.15.
struct farewell_packet {
  packet_type type = packet_type::disconnect;
  std::uint8_t reason = 0;
  properties props;
};

using packet =
    std::variant<connect_packet, connack_packet, publish_packet, ack_packet, subscribe_packet,
                 suback_packet, unsubscribe_packet, ping_packet, farewell_packet>;

/// Takes the first filter off a checked payload; nothing at its end.
std::optional<subscription> next_subscription(byte_view& filters) noexcept;
std::optional<std::string_view> next_filter(byte_view& filters) noexcept;

}  // namespace fleetgate::mqtt
