#include "actors/runtime/gathering.hpp"

#include <gtest/gtest.h>

namespace fleetgate::runtime {
namespace {

constexpr std::uint64_t interval = gathering_limits{}.interval_ns;
constexpr std::uint64_t step = 10'000;  // from one round to the next where nothing pauses

/// A unit's rounds in virtual time: `arrivals` are found by each round that followed a pause, one
/// by every other.
class rounds {
 public:
  /// True where the unit pauses after this round.
  bool run(std::size_t arrivals_after_pause) {
    brain_.begin_round(now_, paused_ ? arrivals_after_pause : 1);
    const std::uint64_t pause = brain_.pause_ns(now_ + step);
    EXPECT_LE(pause, interval);
    now_ += step + pause;
    paused_ = pause != 0;
    pauses_ += paused_ ? 1 : 0;
    return paused_;
  }
  void idle_for(std::uint64_t ns) { now_ += ns; }
  [[nodiscard]] int pauses() const { return pauses_; }
  [[nodiscard]] bool active() const { return brain_.active(); }

 private:
  gathering brain_;
  std::uint64_t now_ = 1'000'000'000;
  bool paused_ = false;
  int pauses_ = 0;
};

TEST(gathering, rounds_that_are_far_apart_are_never_delayed) {
  rounds r;
  for (int i = 0; i < 1000; ++i) {
    r.run(10);
    r.idle_for(2 * interval);
  }
  EXPECT_EQ(r.pauses(), 0);
}

TEST(gathering, many_small_rounds_are_gathered_into_one_an_interval) {
  rounds r;
  for (int i = 0; i < 1000; ++i) r.run(5);
  EXPECT_TRUE(r.active());
  EXPECT_GT(r.pauses(), 950);
}

TEST(gathering, one_device_that_waits_for_each_acknowledgement_is_hardly_ever_delayed) {
  rounds r;
  constexpr int count = 100'000;
  for (int i = 0; i < count; ++i) r.run(1);
  EXPECT_FALSE(r.active());
  EXPECT_GT(r.pauses(), 0);            // it was tried
  EXPECT_LT(r.pauses(), count / 500);  // ever more rarely
}

TEST(gathering, ends_when_it_no_longer_pays_and_begins_again_when_it_does) {
  rounds r;
  for (int i = 0; i < 1000; ++i) r.run(5);
  for (int i = 0; i < 100; ++i) r.run(1);
  EXPECT_FALSE(r.active());
  for (int i = 0; i < 20'000; ++i) r.run(5);
  EXPECT_TRUE(r.active());
}

TEST(gathering, a_busy_round_longer_than_the_interval_is_followed_at_once) {
  gathering g;
  std::uint64_t now = 1'000'000'000;
  for (int i = 0; i < 100; ++i, now += step) {
    g.begin_round(now, 1);
    if (g.active()) break;
  }
  ASSERT_TRUE(g.active());
  EXPECT_GT(g.pause_ns(now + step), 0u);
  EXPECT_EQ(g.pause_ns(now + interval), 0u);
}

}  // namespace
}  // namespace fleetgate::runtime
