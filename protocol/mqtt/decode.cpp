#include "protocol/mqtt/decode.hpp"

#include "protocol/base/utf8.hpp"
#include "protocol/mqtt/packet_reader.hpp"
#include "protocol/mqtt/reasons.hpp"
#include "protocol/mqtt/topic.hpp"

namespace fleetgate::mqtt {
namespace {

namespace connect_flag {
constexpr std::uint8_t reserved = 0x01;
constexpr std::uint8_t clean_start = 0x02;
constexpr std::uint8_t will = 0x04;
constexpr std::uint8_t will_qos = 0x18;
constexpr std::uint8_t will_retain = 0x20;
constexpr std::uint8_t password = 0x40;
constexpr std::uint8_t user_name = 0x80;
}  // namespace connect_flag

/// Sections 3.1.2.1 and 3.1.2.2.
protocol_version read_protocol(packet_reader& in) noexcept {
  const auto name = as_text(in.data());
  in.require(name == "MQTT", fault_code::unsupported_protocol_version,
             "protocol name [MQTT-3.1.2-1]");
  const auto level = in.u8();
  in.require(level == 4 || level == 5, fault_code::unsupported_protocol_version,
             "protocol version [MQTT-3.1.2-2]");
  const auto version = level == 5 ? protocol_version::v5 : protocol_version::v3_1_1;
  in.speak(version);
  return version;
}

/// Section 3.1.2.3 and on: what the connect flags may not be.
std::uint8_t read_connect_flags(packet_reader& in) noexcept {
  using namespace connect_flag;
  const auto flags = in.u8();
  const auto malformed = fault_code::malformed_packet;
  in.require((flags & reserved) == 0, malformed, "reserved connect flag [MQTT-3.1.2-3]");
  if ((flags & will) == 0) {
    in.require((flags & will_qos) == 0, malformed, "will QoS without a will [MQTT-3.1.2-11]");
    in.require((flags & will_retain) == 0, malformed, "will retain without a will [MQTT-3.1.2-13]");
  }
  in.require((flags & will_qos) != will_qos, malformed, "will QoS 3 [MQTT-3.1.2-12]");
  in.require(in.v5() || (flags & password) == 0 || (flags & user_name) != 0, malformed,
             "password without user name (3.1.1: [MQTT-3.1.2-22])");
  return flags;
}

/// Sections 3.1.3.2 to 3.1.3.4.
will_view read_will(packet_reader& in, std::uint8_t flags) noexcept {
  will_view will;
  will.qos = static_cast<std::uint8_t>((flags & connect_flag::will_qos) >> 3);
  will.retain = (flags & connect_flag::will_retain) != 0;
  will.props = in.props(property_place::will);
  will.topic = in.text();
  in.require(is_topic_name(will.topic), fault_code::topic_name_invalid,
             "will topic [MQTT-4.7.1-1], [MQTT-4.7.3-1]");
  will.payload = in.data();
  return will;
}

/// Section 3.8.3.1.
subscription read_subscription(packet_reader& in) noexcept {
  subscription s;
  s.filter = in.text();
  in.require(is_topic_filter(s.filter, in.v5()), fault_code::topic_filter_invalid,
             "topic filter [MQTT-4.7.1-1], [MQTT-4.7.3-1], [MQTT-4.8.2-1]");
  const auto options = in.u8();
  const auto reserved = in.v5() ? 0xC0 : 0xFC;
  in.require((options & reserved) == 0, fault_code::malformed_packet,
             "reserved subscription options [MQTT-3.8.3-5]");
  s.maximum_qos = options & 3;
  s.no_local = (options & 0x04) != 0;
  s.retain_as_published = (options & 0x08) != 0;
  s.retain_handling = options >> 4 & 3;
  in.require(s.maximum_qos != 3,
             in.v5() ? fault_code::protocol_error : fault_code::malformed_packet,
             "maximum QoS 3 (section 3.8.3.1)");
  in.require(s.retain_handling != 3, fault_code::protocol_error,
             "retain handling 3 (section 3.8.3.1)");
  in.require(!s.no_local || !is_shared_filter(s.filter), fault_code::protocol_error,
             "no local on a shared subscription [MQTT-3.8.3-4]");
  return s;
}

std::string_view read_filter(packet_reader& in) noexcept {
  const auto filter = in.text();
  in.require(is_topic_filter(filter, in.v5()), fault_code::topic_filter_invalid,
             "topic filter [MQTT-4.7.1-1], [MQTT-4.7.3-1], [MQTT-4.8.2-1]");
  return filter;
}

constexpr property_place place_of(packet_type type) noexcept {
  switch (type) {
    case packet_type::connect:
      return property_place::connect;
    case packet_type::connack:
      return property_place::connack;
    case packet_type::puback:
      return property_place::puback;
    case packet_type::pubrec:
      return property_place::pubrec;
    case packet_type::pubrel:
      return property_place::pubrel;
    case packet_type::pubcomp:
      return property_place::pubcomp;
    case packet_type::subscribe:
      return property_place::subscribe;
    case packet_type::suback:
      return property_place::suback;
    case packet_type::unsubscribe:
      return property_place::unsubscribe;
    case packet_type::unsuback:
      return property_place::unsuback;
    case packet_type::disconnect:
      return property_place::disconnect;
    case packet_type::auth:
      return property_place::auth;
    case packet_type::publish:
    case packet_type::pingreq:
    case packet_type::pingresp:
      break;  // the last two have none
  }
  return property_place::publish;
}

/// The packets that carry it go both ways with the same codes, but for DISCONNECT and AUTH.
void require_reason(packet_reader& in, packet_type type, receiver side,
                    std::uint8_t reason) noexcept {
  in.require(!in.ok() || reason == 0 || reason_allowed(type, side, reason),
             fault_code::protocol_error, "reason code is not one of this packet's (section 2.4)");
}

}  // namespace

decoded<connect_packet> decode_connect(const frame& f) noexcept {
  packet_reader in(f, protocol_version::v3_1_1);
  decoded<connect_packet> result;
  auto& p = *result;
  p.version = read_protocol(in);
  const auto flags = read_connect_flags(in);
  p.clean_start = (flags & connect_flag::clean_start) != 0;
  p.keep_alive_s = in.u16();
  p.props = in.props(place_of(f.type));
  in.require(!p.props.has(property_id::authentication_data) ||
                 p.props.has(property_id::authentication_method),
             fault_code::protocol_error, "authentication data without a method (3.1.2.11.10)");
  p.client_id = in.text();
  if ((flags & connect_flag::will) != 0) p.will = read_will(in, flags);
  if ((flags & connect_flag::user_name) != 0) p.user_name = in.text();
  if ((flags & connect_flag::password) != 0) p.password = in.data();
  in.finish(result);
  return result;
}

decoded<connack_packet> decode_connack(const frame& f, protocol_version version) noexcept {
  packet_reader in(f, version);
  decoded<connack_packet> result;
  auto& p = *result;
  const auto flags = in.u8();
  in.require(flags <= 1, fault_code::malformed_packet, "acknowledge flags [MQTT-3.2.2-1]");
  p.session_present = flags == 1;
  p.reason = in.u8();
  if (in.v5()) {
    require_reason(in, f.type, receiver::client, p.reason);
  } else {
    in.require(p.reason <= 5, fault_code::protocol_error, "return code (3.1.1: 3.2.2.3)");
  }
  in.require(!p.session_present || p.reason == 0, fault_code::protocol_error,
             "session present with an error [MQTT-3.2.2-6]");
  p.props = in.props(place_of(f.type));
  in.finish(result);
  return result;
}

decoded<publish_packet> decode_publish(const frame& f, protocol_version version,
                                       receiver side) noexcept {
  packet_reader in(f, version);
  decoded<publish_packet> result;
  auto& p = *result;
  p.dup = (f.flags & 0x08) != 0;
  p.qos = f.flags >> 1 & 3;
  p.retain = (f.flags & 0x01) != 0;
  p.topic = in.text();
  if (p.qos != 0) p.packet_id = in.packet_id();
  p.props = in.props(place_of(f.type));
  p.payload = in.rest();
  if (p.topic.empty()) {
    in.require(p.props.has(property_id::topic_alias), fault_code::protocol_error,
               "empty topic without alias (section 3.3.2.1)");
  } else {
    in.require(is_topic_name(p.topic), fault_code::topic_name_invalid,
               "wildcard in a topic name [MQTT-3.3.2-2]");
  }
  in.require(side == receiver::client || !p.props.has(property_id::subscription_identifier),
             fault_code::protocol_error, "subscription identifier from a client [MQTT-3.3.4-6]");
  in.finish(result);
  return result;
}

decoded<ack_packet> decode_ack(const frame& f, protocol_version version) noexcept {
  packet_reader in(f, version);
  decoded<ack_packet> result;
  auto& p = *result;
  p.type = f.type;
  p.packet_id = in.packet_id();
  if (in.v5() && in.remaining() != 0) p.reason = in.u8();
  require_reason(in, f.type, receiver::server, p.reason);
  if (in.v5() && in.remaining() != 0) p.props = in.props(place_of(f.type));
  in.finish(result);
  return result;
}

decoded<subscribe_packet> decode_subscribe(const frame& f, protocol_version version) noexcept {
  packet_reader in(f, version);
  decoded<subscribe_packet> result;
  auto& p = *result;
  p.packet_id = in.packet_id();
  p.props = in.props(place_of(f.type));
  in.require(!in.ok() || in.remaining() != 0, fault_code::protocol_error,
             "no topic filter [MQTT-3.8.3-2]");
  p.filters = f.body.last(in.remaining());
  while (in.remaining() != 0) (void)read_subscription(in);
  in.finish(result);
  return result;
}

decoded<suback_packet> decode_suback(const frame& f, protocol_version version) noexcept {
  packet_reader in(f, version);
  decoded<suback_packet> result;
  auto& p = *result;
  p.type = f.type;
  p.packet_id = in.packet_id();
  p.props = in.props(place_of(f.type));
  if (!in.v5() && f.type == packet_type::unsuback) {  // 3.1.1: 3.11.3, no payload
    in.finish(result);
    return result;
  }
  in.require(!in.ok() || in.remaining() != 0, fault_code::protocol_error,
             "no reason code (sections 3.9.3, 3.11.3)");
  p.reasons = in.rest();
  for (const auto r : p.reasons) {
    const auto reason = static_cast<std::uint8_t>(r);
    require_reason(in, f.type, receiver::client, reason);
    in.require(in.v5() || reason <= 2 || reason == 0x80, fault_code::protocol_error,
               "return code (3.1.1: 3.9.3)");
  }
  in.finish(result);
  return result;
}

decoded<unsubscribe_packet> decode_unsubscribe(const frame& f, protocol_version version) noexcept {
  packet_reader in(f, version);
  decoded<unsubscribe_packet> result;
  auto& p = *result;
  p.packet_id = in.packet_id();
  p.props = in.props(place_of(f.type));
  in.require(!in.ok() || in.remaining() != 0, fault_code::protocol_error,
             "no topic filter [MQTT-3.10.3-2]");
  p.filters = f.body.last(in.remaining());
  while (in.remaining() != 0) (void)read_filter(in);
  in.finish(result);
  return result;
}

decoded<ping_packet> decode_ping(const frame& f, protocol_version version) noexcept {
  packet_reader in(f, version);
  decoded<ping_packet> result(ping_packet{f.type});
  in.finish(result);
  return result;
}

decoded<farewell_packet> decode_farewell(const frame& f, protocol_version version,
                                         receiver side) noexcept {
  packet_reader in(f, version);
  decoded<farewell_packet> result;
  auto& p = *result;
  p.type = f.type;
  if (in.v5() && in.remaining() != 0) p.reason = in.u8();
  require_reason(in, f.type, side, p.reason);
  if (in.v5() && in.remaining() != 0) p.props = in.props(place_of(f.type));
  const auto one_way = side == receiver::server ? property_id::server_reference
                                                : property_id::session_expiry_interval;
  in.require(f.type == packet_type::auth || !p.props.has(one_way), fault_code::protocol_error,
             "property goes the other way (sections 3.14.2.2.2, 3.14.2.2.5)");
  in.finish(result);
  return result;
}

decoded<packet> decode(const frame& f, protocol_version version, receiver side) noexcept {
  const auto wrap = [](const auto& p) { return packet(p); };
  if (!may_receive(side, f.type)) {
    return tl::unexpected<decode_fault>({fault_code::protocol_error, 0, "goes the other way"});
  }
  switch (f.type) {
    case packet_type::connect:
      return decode_connect(f).map(wrap);
    case packet_type::connack:
      return decode_connack(f, version).map(wrap);
    case packet_type::publish:
      return decode_publish(f, version, side).map(wrap);
    case packet_type::puback:
    case packet_type::pubrec:
    case packet_type::pubrel:
    case packet_type::pubcomp:
      return decode_ack(f, version).map(wrap);
    case packet_type::subscribe:
      return decode_subscribe(f, version).map(wrap);
    case packet_type::unsubscribe:
      return decode_unsubscribe(f, version).map(wrap);
    case packet_type::suback:
    case packet_type::unsuback:
      return decode_suback(f, version).map(wrap);
    case packet_type::pingreq:
    case packet_type::pingresp:
      return decode_ping(f, version).map(wrap);
    case packet_type::auth:
      if (version == protocol_version::v3_1_1) {
        return tl::unexpected<decode_fault>(
            {fault_code::malformed_packet, 0, "packet type 15 is reserved (3.1.1: 2.2.1)"});
      }
      return decode_farewell(f, version, side).map(wrap);
    case packet_type::disconnect:
      return decode_farewell(f, version, side).map(wrap);
  }
  return tl::unexpected<decode_fault>({fault_code::malformed_packet, 0, "packet type"});
}

std::optional<std::uint8_t> announced_version(byte_view connect_body) noexcept {
  byte_reader in(connect_body);
  if (!in.take(in.u16().value_or(0xFFFF))) return std::nullopt;
  return in.u8();
}

}  // namespace fleetgate::mqtt
