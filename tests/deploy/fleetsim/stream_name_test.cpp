#include "deploy/fleetsim/stream_name.hpp"

#include <gtest/gtest.h>

namespace fleetgate::fleetsim {
namespace {

using model::traffic_class;

TEST(stream_name, what_stands_behind_the_device_is_the_stream) {
  const auto plain = stream_of("devices/sim-1/telemetry", "sim-1");
  EXPECT_EQ(plain.stream, "telemetry");
  EXPECT_FALSE(plain.tells_topic);
  EXPECT_EQ(stream_of("devices/sim-1/event/door", "sim-1").stream, "event/door");
}

TEST(stream_name, any_other_topic_is_a_stream_of_its_own) {
  for (const char* other :
       {"devices/sim-10/control", "devices/sim-1", "devices/sim-1/", "control"}) {
    EXPECT_EQ(stream_of(other, "sim-1").stream, other);
    EXPECT_TRUE(stream_of(other, "sim-1").tells_topic) << other;
  }
}

TEST(stream_name, the_class_is_the_last_level_that_names_one) {
  EXPECT_EQ(stream_of("control", "x").cls, traffic_class::control);
  EXPECT_EQ(stream_of("devices/x/event/door", "x").cls, traffic_class::event);
  EXPECT_EQ(stream_of("a/heartbeat/b/event/c", "x").cls, traffic_class::event);
  EXPECT_EQ(stream_of("/control/", "x").cls, traffic_class::control);
  EXPECT_EQ(stream_of("a/events", "x").cls, traffic_class::telemetry);
}

}  // namespace
}  // namespace fleetgate::fleetsim
