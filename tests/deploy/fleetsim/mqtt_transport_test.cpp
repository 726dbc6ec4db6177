#include "deploy/fleetsim/mqtt_transport.hpp"

#include <gtest/gtest.h>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"

namespace fleetgate::fleetsim {
namespace {

using mqtt::protocol_version;

class mqtt_transport_of : public testing::TestWithParam<protocol_version> {
 protected:
  void SetUp() override { settings.version = GetParam(); }
  [[nodiscard]] bool v5() const { return GetParam() == protocol_version::v5; }

  /// What the server makes of bytes that hold one packet. Views into `bytes`.
  template <class Packet>
  Packet received(const std::string& bytes) {
    const auto framed = mqtt::next_frame(as_bytes(bytes), 1 << 20);
    const auto* f = std::get_if<mqtt::frame>(&framed);
    EXPECT_TRUE(f != nullptr && f->size() == bytes.size());
    if (f == nullptr) return {};
    const auto p = mqtt::decode(*f, GetParam(), mqtt::receiver::server);
    EXPECT_TRUE(p && std::holds_alternative<Packet>(*p));
    return p ? std::get<Packet>(*p) : Packet{};
  }
  /// What the device makes of a packet, which comes a byte at a time.
  event meaning(const mqtt::packet& p) {
    std::string bytes;
    mqtt::encode(p, GetParam(), bytes);
    std::vector<event> events;
    for (std::size_t n = 1; n < bytes.size(); ++n) {
      EXPECT_EQ(transport.take(as_bytes(bytes).first(n), events, out), std::size_t{0});
    }
    EXPECT_EQ(transport.take(as_bytes(bytes), events, out), bytes.size());
    EXPECT_EQ(events.size(), 1U);
    return events.empty() ? event{} : events.front();
  }
  event meaning_of_ack(mqtt::packet_type type, std::uint8_t reason = 0) {
    mqtt::ack_packet p;
    p.type = type;
    p.packet_id = 9;
    p.reason = reason;
    return meaning(p);
  }

  connection_settings connection;
  mqtt_settings settings;
  mqtt_transport transport{connection, settings};
  std::string out;
};

TEST_P(mqtt_transport_of, a_fresh_device_asks_for_a_clean_session_and_then_for_its_own) {
  transport.connect({"sim-1", 7, true}, out);
  const auto fresh = received<mqtt::connect_packet>(out);
  EXPECT_EQ(fresh.client_id, "sim-1");
  EXPECT_TRUE(fresh.clean_start);
  out.clear();
  transport.connect({"sim-1", 7, false}, out);
  const auto again = received<mqtt::connect_packet>(out);
  EXPECT_FALSE(again.clean_start);
  EXPECT_EQ(again.props.number(mqtt::property_id::session_expiry_interval).has_value(), v5());
}

TEST_P(mqtt_transport_of, a_device_that_keeps_nothing_is_always_clean) {
  connection.keeps_session = false;
  transport.connect({"sim-1", 7, false}, out);
  EXPECT_TRUE(received<mqtt::connect_packet>(out).clean_start);
}

TEST_P(mqtt_transport_of, a_message_is_a_publish_with_its_number_in_the_properties) {
  transport.send({{9, 7, 42, true}, "a/b", "{}"}, out);
  const auto p = received<mqtt::publish_packet>(out);
  EXPECT_EQ(p.topic, "a/b");
  EXPECT_EQ(as_text(p.payload), "{}");
  EXPECT_EQ(p.packet_id, 9);
  EXPECT_EQ(p.qos, 1);
  EXPECT_TRUE(p.dup);
  std::string properties;
  for (const auto& user : p.props.user_properties()) {
    properties += std::string(user.text) + "=" + std::string(user.value) + " ";
  }
  EXPECT_EQ(properties, v5() ? "seq=42 epoch=7 " : "");
}

TEST_P(mqtt_transport_of, a_puback_is_the_end_and_a_pubrec_is_not) {
  const event puback = meaning_of_ack(mqtt::packet_type::puback);
  EXPECT_EQ(puback.is, event::kind::acknowledged);
  EXPECT_EQ(puback.id, 9);
  EXPECT_TRUE(puback.last);
  const event pubrec = meaning_of_ack(mqtt::packet_type::pubrec);
  EXPECT_EQ(pubrec.is, event::kind::acknowledged);
  EXPECT_FALSE(pubrec.last);
  EXPECT_EQ(meaning_of_ack(mqtt::packet_type::pubcomp).is, event::kind::settled);
  transport.finish(9, out);
  EXPECT_EQ(received<mqtt::ack_packet>(out).type, mqtt::packet_type::pubrel);
}

TEST_P(mqtt_transport_of, a_refusing_pubrec_is_the_end) {
  if (!v5()) return;  // 3.1.1 has no reasons
  const event e = meaning_of_ack(mqtt::packet_type::pubrec, 0x99);
  EXPECT_TRUE(e.is_refusal());
  EXPECT_TRUE(e.last);
}

TEST_P(mqtt_transport_of, a_connack_tells_the_session_or_why_not) {
  mqtt::connack_packet p;
  p.session_present = true;
  EXPECT_TRUE(meaning(p).session_kept);
  EXPECT_EQ(meaning(p).is, event::kind::connected);
  p.session_present = false;
  p.reason = v5() ? 0x89 : 3;
  EXPECT_EQ(meaning(p).is, event::kind::turned_away);
  EXPECT_FALSE(meaning(p).for_good) << "a busy server is asked again";
  p.reason = v5() ? 0x87 : 5;
  EXPECT_TRUE(meaning(p).for_good) << "not authorized";
}

TEST_P(mqtt_transport_of, bytes_that_are_no_mqtt_are_a_fault) {
  std::vector<event> events;
  EXPECT_FALSE(transport.take(as_bytes("HTTP/1.1 400 Bad Request\r\n"), events, out));
  const std::string huge("\x40\xFF\xFF\xFF\x7F", 5);
  EXPECT_FALSE(transport.take(as_bytes(huge), events, out)) << "refused from its header";
}

TEST_P(mqtt_transport_of, pings_and_farewells_are_well_formed) {
  transport.ping(out);
  received<mqtt::ping_packet>(out);
  out.clear();
  transport.goodbye(out);
  EXPECT_EQ(received<mqtt::farewell_packet>(out).reason, 0);
}

INSTANTIATE_TEST_SUITE_P(both_versions, mqtt_transport_of,
                         testing::Values(protocol_version::v3_1_1, protocol_version::v5));

}  // namespace
}  // namespace fleetgate::fleetsim
