#include "actors/node/tap_session.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"

namespace fleetgate::node {
namespace {

constexpr auto v5 = mqtt::protocol_version::v5;

class a_tap : public testing::Test {
 protected:
  template <class Packet>
  std::optional<std::string> receive(const Packet& p) {
    mqtt::encode(p, v5, received);
    return take();
  }
  std::optional<std::string> take() {
    return session.take(
        received, out,
        [this](const mqtt::publish_packet& p) {
          seen.emplace_back(std::string(p.topic) + "=" + std::string(as_text(p.payload)));
        },
        [this] { return seen.size() < most; });
  }
  std::optional<std::string> publish(std::string_view topic, std::string_view payload) {
    mqtt::publish_packet p;
    p.topic = topic;
    p.payload = as_bytes(payload);
    return receive(p);
  }
  mqtt::packet sent() {
    const auto next = mqtt::next_frame(as_bytes(out), 1 << 20);
    return *mqtt::decode(std::get<mqtt::frame>(next), v5, mqtt::receiver::server);
  }

  tap_session session{"tap-1", "a/+"};
  std::string received, out;
  std::vector<std::string> seen;
  std::size_t most = 100;
};

TEST_F(a_tap, connects_clean_and_subscribes_at_qos_0_to_what_passes) {
  session.begin(out);
  const auto hello = std::get<mqtt::connect_packet>(sent());
  EXPECT_EQ(hello.client_id, "tap-1");
  EXPECT_TRUE(hello.clean_start);
  out.clear();
  EXPECT_FALSE(receive(mqtt::connack_packet{}));
  auto wanted = std::get<mqtt::subscribe_packet>(sent());
  const auto s = mqtt::next_subscription(wanted.filters);
  EXPECT_EQ(s->filter, "a/+");
  EXPECT_EQ(s->maximum_qos, 0);
  EXPECT_EQ(s->retain_handling, 2);
  EXPECT_FALSE(session.subscribed());
  const std::byte granted{0};
  mqtt::suback_packet ack;
  ack.packet_id = 1;
  ack.reasons = byte_view(&granted, 1);
  EXPECT_FALSE(receive(ack));
  EXPECT_TRUE(session.subscribed());
}

TEST_F(a_tap, shows_whole_messages_however_they_are_cut) {
  std::string wire;
  for (const auto* payload : {"1", "22", "333"}) {
    mqtt::publish_packet p;
    p.topic = "a/b";
    p.payload = as_bytes(payload);
    mqtt::encode(p, v5, wire);
  }
  for (const char c : wire) {
    received.push_back(c);
    EXPECT_FALSE(take());
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a/b=1", "a/b=22", "a/b=333"}));
  EXPECT_TRUE(received.empty());
}

TEST_F(a_tap, stops_in_the_middle_when_it_has_seen_enough) {
  most = 1;
  publish("a/b", "1");
  publish("a/b", "2");
  EXPECT_EQ(seen.size(), 1u);
}

TEST_F(a_tap, obeys_the_servers_keep_alive) {
  mqtt::property_list props;
  props.add(mqtt::property_id::server_keep_alive, 10);
  mqtt::connack_packet p;
  p.props = props.view();
  EXPECT_FALSE(receive(p));
  EXPECT_EQ(session.keep_alive(), std::chrono::seconds(10));
  props = {};
  props.add(mqtt::property_id::server_keep_alive, 0);  // none is asked for
  p.props = props.view();
  EXPECT_FALSE(receive(p));
  EXPECT_EQ(session.keep_alive(), std::chrono::seconds(10));
}

TEST_F(a_tap, says_why_it_is_over) {
  mqtt::connack_packet refused;
  refused.reason = 0x87;
  EXPECT_EQ(*receive(refused), "refused: MQTT reason 0x87");
  const std::byte denied{0x87};
  mqtt::suback_packet ack;
  ack.packet_id = 1;
  ack.reasons = byte_view(&denied, 1);
  EXPECT_EQ(*receive(ack), "the subscription is refused: MQTT reason 0x87");
  mqtt::farewell_packet goodbye;
  goodbye.reason = 0x8B;
  EXPECT_EQ(*receive(goodbye), "the node says goodbye: MQTT reason 0x8B");
  received = "HTTP/1.1 400 Bad Request";
  EXPECT_TRUE(take()->starts_with("what came is not MQTT"));
}

}  // namespace
}  // namespace fleetgate::node
