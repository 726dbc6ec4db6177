#include "deploy/fleetsim/progress.hpp"

#include <gtest/gtest.h>

namespace fleetgate::fleetsim {
namespace {

TEST(progress, numbers_are_grouped_for_reading) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
}

TEST(progress, durations_bear_the_unit_that_suits_them) {
  EXPECT_EQ(duration_text(250'000), "250 us");
  EXPECT_EQ(duration_text(1'240'000), "1.2 ms");
  EXPECT_EQ(duration_text(3'400'000'000), "3.4 s");
}

TEST(progress, the_line_shows_what_happened_since_the_last_one) {
  tally before, now;
  before.acknowledged = 1000;
  before.latency.add(900'000'000);
  now = before;
  now.up = 99;
  now.acknowledged = 2500;
  now.in_flight = 12;
  now.owed = 3;
  now.latency.add(1'000'000);
  EXPECT_EQ(live_line(before, now, 100, 0.5),
            "99/100 connected | 3,000/s | 12 in flight, 3 owed | p50 1.0 ms p99 1.0 ms | "
            "2,500 acknowledged");
  EXPECT_EQ(live_line(now, now, 100, 0),
            "99/100 connected | 0/s | 12 in flight, 3 owed | 2,500 acknowledged");
}

}  // namespace
}  // namespace fleetgate::fleetsim
