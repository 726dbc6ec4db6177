#include "actors/runtime/backoff.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fleetgate::runtime {
namespace {

using namespace std::chrono_literals;

TEST(backoff, ceiling_doubles_up_to_the_longest) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    backoff b(100ms, 1s, seed);
    for (const auto ceiling : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
      const auto wait = b.next();
      EXPECT_GE(wait, 0ms);
      EXPECT_LE(wait, ceiling);
    }
  }
}

TEST(backoff, jitter_is_full_from_nothing_to_the_ceiling) {
  std::chrono::nanoseconds shortest = 1h, longest = 0ms, sum = 0ms;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const auto wait = backoff(100ms, 1s, seed).next();
    shortest = std::min(shortest, wait);
    longest = std::max(longest, wait);
    sum += wait;
  }
  EXPECT_LT(shortest, 5ms);
  EXPECT_GT(longest, 95ms);
  EXPECT_NEAR(static_cast<double>((sum / 1000).count()), 50e6, 5e6);
}

TEST(backoff, sinks_with_different_seeds_do_not_come_back_together) {
  std::set<std::chrono::nanoseconds> waits;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) waits.insert(backoff(100ms, 1s, seed).next());
  EXPECT_GE(waits.size(), 99U);
}

TEST(backoff, starts_again_after_a_reset_and_counts_failures) {
  backoff b(1ms, 1h, 42);
  for (int i = 0; i < 100; ++i) EXPECT_LE(b.next(), 1h);  // no overflow
  EXPECT_EQ(b.failures(), 100U);
  b.reset();
  EXPECT_EQ(b.failures(), 0U);
  EXPECT_LE(b.next(), 1ms);
}

}  // namespace
}  // namespace fleetgate::runtime
