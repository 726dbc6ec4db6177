#include "deploy/fleetsim/schedule.hpp"

#include <gtest/gtest.h>

namespace fleetgate::fleetsim {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

TEST(schedule, flat_out_owes_nothing_to_the_clock) {
  const schedule s = schedule::flat_out();
  EXPECT_FALSE(s.is_open_loop());
  EXPECT_EQ(s.due(100 * second_ns), 0U);
}

TEST(schedule, a_steady_rate_makes_exactly_that_many_in_a_second) {
  for (const double rate : {0.5, 1.0, 7.0, 1000.0, 33'333.0, 1'000'000.0}) {
    const schedule s = schedule::steady(rate);
    EXPECT_EQ(s.total(10 * second_ns), static_cast<std::uint64_t>(10 * rate)) << rate;
  }
}

TEST(schedule, a_message_is_due_when_its_time_has_come_and_not_before) {
  for (const double rate : {0.3, 3.0, 999.7, 12'345.6, 250'000.0}) {
    const schedule s = schedule::steady(rate);
    for (std::uint64_t j : {0ULL, 1ULL, 2ULL, 99ULL, 12'345ULL, 10'000'001ULL}) {
      const std::uint64_t at_ns = s.due_at_ns(j);
      EXPECT_GT(s.due(at_ns), j) << rate << " " << j;
      if (at_ns > 0) {
        EXPECT_LE(s.due(at_ns - 1), j) << rate << " " << j;
      }
    }
  }
}

TEST(schedule, a_step_of_the_grid_falls_due_at_its_beginning) {
  const schedule s = schedule::steady(1'000'000);
  EXPECT_EQ(s.due(0), 100U);
  EXPECT_EQ(s.due_at_ns(99), 0U);
  EXPECT_EQ(s.due_at_ns(100), schedule::grid_ns);
}

TEST(schedule, bursts_come_at_once_and_nothing_between) {
  const schedule s = schedule::bursts(10 * second_ns, 500);
  EXPECT_EQ(s.due(0), 500U);
  EXPECT_EQ(s.due(10 * second_ns - 1), 500U);
  EXPECT_EQ(s.due(10 * second_ns), 1000U);
  EXPECT_EQ(s.due_at_ns(499), 0U);
  EXPECT_EQ(s.due_at_ns(500), 10 * second_ns);
  EXPECT_EQ(s.total(30 * second_ns), 1500U);
  EXPECT_EQ(s.total(0), 0U);
}

}  // namespace
}  // namespace fleetgate::fleetsim
