// The wire format, written by hand from the specification: what is decoded from it, and that the
// same packet encodes to it.
#include <gtest/gtest.h>

#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

constexpr auto server = receiver::server;
constexpr auto client = receiver::client;

/// Keeps the bytes that the packet's views point into.
template <class Packet>
struct golden {
  golden(std::string_view spec, protocol_version version, receiver side) : bytes(bytes_of(spec)) {
    auto p = decode(frame_of(bytes), version, side);
    if (!p) throw std::runtime_error(std::string(p.error().what));
    EXPECT_EQ(hex(encoded(*p, version)), hex(bytes));
    packet = std::get<Packet>(*p);
  }
  const Packet* operator->() const { return &packet; }
  std::string bytes;
  Packet packet;
};

TEST(golden_connect, v3_with_everything) {
  const golden<connect_packet> p(
      "10 26 0004 4D515454 04 EE 003C 0002 'c1' 0006 'fleet/' 0004 'gone' 0003 'bob' 0003 00FF7F",
      v3, server);
  EXPECT_EQ(p->version, v3);
  EXPECT_TRUE(p->clean_start);
  EXPECT_EQ(p->keep_alive_s, 60);
  EXPECT_EQ(p->client_id, "c1");
  ASSERT_TRUE(p->will);
  EXPECT_EQ(p->will->topic, "fleet/");
  EXPECT_EQ(text(p->will->payload), "gone");
  EXPECT_EQ(p->will->qos, 1);
  EXPECT_TRUE(p->will->retain);
  EXPECT_EQ(p->user_name, "bob");
  EXPECT_EQ(hex(text(*p->password)), "00 FF 7F");
}

TEST(golden_connect, v3_at_its_smallest) {
  const golden<connect_packet> p("10 0C 0004 'MQTT' 04 00 0000 0000", v3, server);
  EXPECT_FALSE(p->clean_start);
  EXPECT_TRUE(p->client_id.empty());
  EXPECT_FALSE(p->will || p->user_name || p->password);
}

TEST(golden_connect, v5_with_every_property) {
  const golden<connect_packet> p(
      "10 ## s'MQTT' 05 54 000A"
      "{11 00000E10 21 0014 27 00010000 22 000A 19 01 17 00 26 s'k' s'v' 15 s'SCRAM' 16 0002 ABCD}"
      "s'id'"
      "{18 00000005 01 01 02 0000003C 03 s'text' 08 s'reply' 09 0002 0102 26 s'a' s'b'}"
      "s'will' s'by' s'pw'",
      v5, server);
  using id = property_id;
  EXPECT_FALSE(p->clean_start);
  EXPECT_EQ(p->keep_alive_s, 10);
  EXPECT_EQ(p->props.number(id::session_expiry_interval), 3600u);
  EXPECT_EQ(p->props.number(id::receive_maximum), 20u);
  EXPECT_EQ(p->props.number(id::maximum_packet_size), 65536u);
  EXPECT_EQ(p->props.number(id::topic_alias_maximum), 10u);
  EXPECT_EQ(p->props.number(id::request_response_information), 1u);
  EXPECT_EQ(p->props.number(id::request_problem_information), 0u);
  EXPECT_EQ(p->props.text(id::authentication_method), "SCRAM");
  EXPECT_EQ(hex(*p->props.text(id::authentication_data)), "AB CD");
  ASSERT_TRUE(p->will);
  EXPECT_EQ(p->will->qos, 2);
  EXPECT_FALSE(p->will->retain);
  EXPECT_EQ(p->will->delay_s(), 5u);
  EXPECT_TRUE(p->will->props.payload_is_utf8());
  EXPECT_EQ(p->will->props.message_expiry_s(), 60u);
  EXPECT_EQ(p->will->props.content_type(), "text");
  EXPECT_EQ(p->will->props.response_topic(), "reply");
  EXPECT_EQ(hex(text(*p->will->props.correlation_data())), "01 02");
  EXPECT_FALSE(p->user_name);  // MQTT 5 allows a password alone
  EXPECT_EQ(text(*p->password), "pw");
}

TEST(golden_connack, v3) {
  EXPECT_TRUE(golden<connack_packet>("20 02 01 00", v3, client)->session_present);
  EXPECT_EQ(golden<connack_packet>("20 02 00 05", v3, client)->reason, 5);
}

TEST(golden_connack, v5_with_every_property) {
  const golden<connack_packet> p(
      "20 ## 01 00 {11 00000E10 21 0400 24 01 25 00 27 00100000 12 s'abc' 22 0010 1F s'ok'"
      "26 s'a' s'b' 28 01 29 00 2A 00 13 001E 1A s'in' 1C s'x' 15 s'M' 16 0001 00}",
      v5, client);
  using id = property_id;
  EXPECT_TRUE(p->session_present);
  EXPECT_EQ(p->props.text(id::assigned_client_identifier), "abc");
  EXPECT_EQ(p->props.number(id::maximum_qos), 1u);
  EXPECT_EQ(p->props.number(id::retain_available), 0u);
  EXPECT_EQ(p->props.number(id::wildcard_subscription_available), 1u);
  EXPECT_EQ(p->props.number(id::subscription_identifier_available), 0u);
  EXPECT_EQ(p->props.number(id::shared_subscription_available), 0u);
  EXPECT_EQ(p->props.number(id::server_keep_alive), 30u);
  EXPECT_EQ(p->props.text(id::response_information), "in");
  EXPECT_EQ(p->props.text(id::server_reference), "x");
  EXPECT_EQ(p->props.text(id::reason_string), "ok");
}

TEST(golden_connack, v5_refusal) {
  EXPECT_EQ(golden<connack_packet>("20 03 00 87 00", v5, client)->reason, 0x87);
}

TEST(golden_publish, v3_at_each_qos) {
  const golden<publish_packet> q0("30 05 0001 'a' 'hi'", v3, server);
  EXPECT_EQ(q0->topic, "a");
  EXPECT_EQ(text(q0->payload), "hi");
  EXPECT_EQ(q0->packet_id, 0);
  EXPECT_EQ(q0->qos, 0);
  const golden<publish_packet> q1("32 05 0001 'a' 0001", v3, client);
  EXPECT_EQ(q1->qos, 1);
  EXPECT_TRUE(q1->payload.empty());
  EXPECT_FALSE(q1->dup || q1->retain);
  const golden<publish_packet> q2("3D 07 0001 'a' 1234 'hi'", v3, server);
  EXPECT_EQ(q2->qos, 2);
  EXPECT_TRUE(q2->dup && q2->retain);
  EXPECT_EQ(q2->packet_id, 0x1234);
}

TEST(golden_publish, v5_with_every_property) {
  const golden<publish_packet> p(
      "32 ## s't' FFFF {01 00 02 00000001 23 0003 08 s'r' 09 0000 26 s'x' s'y' 26 s'x' s'' 03 s'j'}"
      "'body'",
      v5, server);
  EXPECT_EQ(p->packet_id, 0xFFFF);
  EXPECT_FALSE(p->props.payload_is_utf8());
  EXPECT_TRUE(p->props.has(property_id::payload_format_indicator));
  EXPECT_EQ(p->props.message_expiry_s(), 1u);
  EXPECT_EQ(p->props.number(property_id::topic_alias), 3u);
  EXPECT_EQ(p->props.response_topic(), "r");
  EXPECT_TRUE(p->props.correlation_data() && p->props.correlation_data()->empty());
  EXPECT_EQ(p->props.content_type(), "j");
  EXPECT_EQ(text(p->payload), "body");
  std::string users;
  for (const auto& u : p->props.user_properties()) {
    users.append(u.text).append("=").append(u.value).append(";");
  }
  EXPECT_EQ(users, "x=y;x=;");
}

TEST(golden_publish, v5_of_a_server_may_carry_several_subscription_identifiers) {
  const golden<publish_packet> p("30 ## s't' {0B 01 0B FF7F 0B 808001}", v5, client);
  std::vector<std::uint32_t> ids;
  for (const auto& one : p->props) ids.push_back(one.number);
  EXPECT_EQ(ids, (std::vector<std::uint32_t>{1, 16383, 16384}));
}

TEST(golden_publish, two_byte_remaining_length) {
  const std::string payload(200, 'p');
  const golden<publish_packet> p("30 CB01 0001 't' '" + payload + "'", v3, server);
  EXPECT_EQ(text(p->payload), payload);
}

TEST(golden_acks, v3_have_an_identifier_only) {
  EXPECT_EQ(golden<ack_packet>("40 02 0102", v3, server)->packet_id, 0x0102);
  EXPECT_EQ(golden<ack_packet>("50 02 0001", v3, client)->type, packet_type::pubrec);
  EXPECT_EQ(golden<ack_packet>("62 02 0001", v3, server)->type, packet_type::pubrel);
  EXPECT_EQ(golden<ack_packet>("70 02 0001", v3, client)->type, packet_type::pubcomp);
}

TEST(golden_acks, v5_leave_out_what_says_nothing) {
  EXPECT_EQ(golden<ack_packet>("40 02 0001", v5, client)->reason, 0);
  EXPECT_EQ(golden<ack_packet>("40 03 0001 10", v5, client)->reason, 0x10);
  EXPECT_EQ(golden<ack_packet>("50 03 0001 97", v5, client)->reason, 0x97);
  EXPECT_EQ(golden<ack_packet>("62 03 0001 92", v5, server)->reason, 0x92);
  EXPECT_EQ(golden<ack_packet>("70 03 0001 92", v5, client)->reason, 0x92);
  const golden<ack_packet> p("40 ## 0001 99 {1F s'why' 26 s'a' s'b'}", v5, client);
  EXPECT_EQ(p->reason, 0x99);
  EXPECT_EQ(p->props.text(property_id::reason_string), "why");
}

TEST(golden_subscribe, v3) {
  const golden<subscribe_packet> p("82 ## 000A s'a/#' 01 s'+/b' 02 s'c' 00", v3, server);
  EXPECT_EQ(p->packet_id, 10);
  std::string seen;
  auto filters = p->filters;
  while (const auto s = next_subscription(filters)) {
    seen.append(s->filter).append(":").append(std::to_string(s->maximum_qos)).append(" ");
  }
  EXPECT_EQ(seen, "a/#:1 +/b:2 c:0 ");
}

TEST(golden_subscribe, v5_with_options_and_identifier) {
  const golden<subscribe_packet> p("82 ## 000A {0B FFFFFF7F 26 s'a' s'b'} s'a' 2E s'$share/g/t' 18",
                                   v5, server);
  EXPECT_EQ(p->props.number(property_id::subscription_identifier), 268'435'455u);
  auto filters = p->filters;
  const auto first = next_subscription(filters);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->maximum_qos, 2);
  EXPECT_TRUE(first->no_local);
  EXPECT_TRUE(first->retain_as_published);
  EXPECT_EQ(first->retain_handling, 2);
  const auto second = next_subscription(filters);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->filter, "$share/g/t");
  EXPECT_EQ(second->retain_handling, 1);
  EXPECT_FALSE(next_subscription(filters));
  std::string rebuilt;
  append(*first, rebuilt);
  append(*second, rebuilt);
  EXPECT_EQ(rebuilt, text(p->filters));
}

TEST(golden_suback, both_versions) {
  EXPECT_EQ(hex(text(golden<suback_packet>("90 05 000A 000180", v3, client)->reasons)), "00 01 80");
  const golden<suback_packet> p("90 ## 000A {1F s'no'} 02 9E A2", v5, client);
  EXPECT_EQ(hex(text(p->reasons)), "02 9E A2");
}

TEST(golden_unsubscribe, both_versions) {
  const golden<unsubscribe_packet> old("A2 ## 0001 s'a/b' s'#'", v3, server);
  auto filters = old->filters;
  EXPECT_EQ(next_filter(filters), "a/b");
  EXPECT_EQ(next_filter(filters), "#");
  EXPECT_FALSE(next_filter(filters));
  EXPECT_EQ(golden<unsubscribe_packet>("A2 ## 0001 {26 s'a' s'b'} s'a'", v5, server)->packet_id, 1);
}

TEST(golden_unsuback, both_versions) {
  EXPECT_EQ(golden<suback_packet>("B0 02 0001", v3, client)->type, packet_type::unsuback);
  EXPECT_EQ(hex(text(golden<suback_packet>("B0 05 0001 00 0011", v5, client)->reasons)), "00 11");
}

TEST(golden_ping, both_versions) {
  for (const auto v : {v3, v5}) {
    EXPECT_EQ(golden<ping_packet>("C0 00", v, server)->type, packet_type::pingreq);
    EXPECT_EQ(golden<ping_packet>("D0 00", v, client)->type, packet_type::pingresp);
  }
}

TEST(golden_disconnect, both_versions) {
  EXPECT_EQ(golden<farewell_packet>("E0 00", v3, server)->reason, 0);
  EXPECT_EQ(golden<farewell_packet>("E0 00", v5, client)->reason, 0);
  EXPECT_EQ(golden<farewell_packet>("E0 01 04", v5, server)->reason, 4);
  const golden<farewell_packet> p("E0 ## 00 {11 00000000 1F s'bye' 26 s'a' s'b'}", v5, server);
  EXPECT_EQ(p->props.number(property_id::session_expiry_interval), 0u);
  EXPECT_EQ(golden<farewell_packet>("E0 ## 9C {1C s'other'}", v5, client)->reason, 0x9C);
}

TEST(golden_auth, v5) {
  const golden<farewell_packet> p("F0 ## 18 {15 s'SCRAM' 16 0002 0001 1F s'go'}", v5, server);
  EXPECT_EQ(p->type, packet_type::auth);
  EXPECT_EQ(p->reason, 0x18);
  EXPECT_EQ(golden<farewell_packet>("F0 00", v5, client)->reason, 0);
}

}  // namespace
}  // namespace fleetgate::mqtt
