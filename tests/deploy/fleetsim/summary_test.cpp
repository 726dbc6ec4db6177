#include "deploy/fleetsim/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace fleetgate::fleetsim {
namespace {

summary good() {
  summary s;
  s.connections = 2;
  s.counted.devices_connected = 2;
  s.counted.produced = 10;
  s.counted.sent = 10;
  s.counted.acknowledged = 10;
  s.counted.latency.add(1'000'000);
  s.elapsed_s = 2;
  return s;
}

TEST(summary, all_acknowledged_is_good) {
  EXPECT_EQ(verdict(good()), exit_code::ok);
}

TEST(summary, whatever_is_left_over_is_not) {
  for (const auto count : {&tally::refused, &tally::in_flight, &tally::owed}) {
    summary s = good();
    s.counted.*count = 1;
    EXPECT_EQ(verdict(s), exit_code::not_as_asked);
  }
  summary s = good();
  s.counted.devices_connected = 1;
  EXPECT_EQ(verdict(s), exit_code::not_as_asked);
}

TEST(summary, both_forms_say_the_same) {
  summary s = good();
  s.counted.turned_away[0x87] = 3;
  const auto j = nlohmann::json::parse(to_json(s));
  EXPECT_EQ(j["acknowledged"], 10);
  EXPECT_EQ(j["rate"], 5.0);
  EXPECT_EQ(j["connack_reasons"]["0x87"], 3);
  EXPECT_THAT(to_table(s), testing::HasSubstr("acknowledged  10 of 10 in 2.00 s (5/s)"));
  EXPECT_THAT(to_table(s), testing::HasSubstr("3 x 0x87"));
}

TEST(summary, what_nobody_acknowledges_is_called_sent) {
  summary s = good();
  s.awaits_acknowledgements = false;
  s.counted.acknowledged = 0;
  EXPECT_THAT(to_table(s), testing::HasSubstr("sent          10 of 10"));
}

TEST(summary, tallies_add_up) {
  tally a, b;
  a.acknowledged = 1;
  a.turned_away[5] = 1;
  b.acknowledged = 2;
  b.turned_away[5] = 4;
  b.last_done_ns = 9;
  b.latency.add(100);
  a += b;
  EXPECT_EQ(a.acknowledged, 3U);
  EXPECT_EQ(a.turned_away[5], 5U);
  EXPECT_EQ(a.last_done_ns, 9U);
  EXPECT_EQ(a.latency.count(), 1U);
}

}  // namespace
}  // namespace fleetgate::fleetsim
