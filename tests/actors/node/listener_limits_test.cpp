#include "actors/node/listener_limits.hpp"

#include <gtest/gtest.h>

namespace fleetgate::node {
namespace {

TEST(listener_limits, what_is_configured_is_granted) {
  listener_config l;
  l.receive_maximum = 7;
  l.max_packet_size = 3 * mib;
  l.topic_alias_maximum = 5;
  l.connect_timeout = std::chrono::milliseconds(1234);
  l.max_keep_alive = std::chrono::seconds(60);
  l.session_expiry_max = std::chrono::seconds(99);
  const auto mqtt = mqtt_limits(l);
  EXPECT_EQ(mqtt.receive_maximum, 7);
  EXPECT_EQ(mqtt.maximum_packet_size, 3 * mib);
  EXPECT_EQ(mqtt.topic_alias_maximum, 5);
  EXPECT_EQ(mqtt.connect_timeout, l.connect_timeout);
  EXPECT_EQ(mqtt.maximum_keep_alive_s, 60);
  EXPECT_EQ(mqtt.maximum_session_expiry_s, 99U);
  const auto native = native_limits(l, "node-7");
  EXPECT_EQ(native.node, "node-7");
  EXPECT_EQ(native.maximum_frame, 3 * mib);
  EXPECT_EQ(native.hello_timeout, l.connect_timeout);
  EXPECT_EQ(native.maximum_keep_alive_s, 60);
}

TEST(listener_limits, each_class_has_credit_for_the_largest_frame) {
  listener_config l;
  for (const std::uint64_t size : {kib, mib, 5 * mib}) {
    l.max_packet_size = static_cast<std::uint32_t>(size);
    for (const auto& c : native_limits(l, "n").credits) {
      EXPECT_GE(c.bytes, size);
      EXPECT_GT(c.messages, 0U);
    }
  }
}

TEST(listener_limits, a_name_that_is_too_long_for_a_welcome_is_cut) {
  EXPECT_EQ(native_limits({}, std::string(1000, 'x')).node.size(), native::maximum_name_bytes);
}

}  // namespace
}  // namespace fleetgate::node
