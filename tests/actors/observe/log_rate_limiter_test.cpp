#include "actors/observe/log_rate_limiter.hpp"

#include <gtest/gtest.h>

namespace fleetgate::observe {
namespace {

using namespace std::chrono_literals;

class log_rate_limiting : public testing::Test {
 protected:
  bool admit(std::string_view event) { return limiter.admit(event, log_level::warn, now); }

  log_rate_limiter limiter{3, 10s};
  log_rate_limiter::time_point now{std::chrono::hours(1)};
};

TEST_F(log_rate_limiting, the_first_of_an_interval_are_written_and_the_rest_counted) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admit("a"));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(admit("a"));
  EXPECT_EQ(limiter.suppressed(), 5u);
}

TEST_F(log_rate_limiting, one_event_does_not_silence_another) {
  for (int i = 0; i < 10; ++i) admit("a");
  EXPECT_TRUE(admit("b"));
}

TEST_F(log_rate_limiting, the_summary_comes_once_when_the_interval_is_over) {
  for (int i = 0; i < 8; ++i) admit("a");
  now += 9999ms;
  EXPECT_TRUE(limiter.due(now).empty());
  now += 1ms;
  const auto due = limiter.due(now);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].event, "a");
  EXPECT_EQ(due[0].level, log_level::warn);
  EXPECT_EQ(due[0].suppressed, 5u);
  EXPECT_TRUE(limiter.due(now).empty());
  EXPECT_EQ(limiter.suppressed(), 5u);
}

TEST_F(log_rate_limiting, a_new_interval_admits_again) {
  for (int i = 0; i < 8; ++i) admit("a");
  now += 10s;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admit("a"));
  EXPECT_FALSE(admit("a"));
}

TEST_F(log_rate_limiting, what_was_suppressed_is_never_forgotten_by_a_new_interval) {
  for (int i = 0; i < 5; ++i) admit("a");
  now += 10s;
  for (int i = 0; i < 4; ++i) admit("a");  // without anyone asking what is due
  const auto rest = limiter.all();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].suppressed, 3u);
}

TEST_F(log_rate_limiting, a_clock_that_is_set_back_does_not_silence_an_event) {
  for (int i = 0; i < 8; ++i) admit("a");
  now -= 30min;
  EXPECT_TRUE(admit("a"));
}

}  // namespace
}  // namespace fleetgate::observe
