#include "actors/supervise/supervision.hpp"

#include <gtest/gtest.h>

namespace fleetgate::supervise {
namespace {

using contract::actor_state;

constexpr std::uint64_t second = 1'000'000'000;
const fault bug(fault_code::internal, "a bug");
const fault killed(fault_code::administrative_action);

class a_supervision : public testing::Test {
 protected:
  /// As often as `times` within a second, each successor running before the next ending.
  restart_decision end(const fault& why, int times) {
    auto last = restart_decision::restart;
    for (int i = 0; i < times; ++i) {
      last = brain.ended(spool, why, now_ns += second / 100, 5).decision;
      if (last != restart_decision::escalate) brain.restarted(spool);
    }
    return last;
  }
  const contract::actor_report& report() const { return brain.report()[spool]; }

  supervision brain{1};
  const std::size_t spool = brain.add("spool", true);
  const std::size_t other = brain.add("other", true);
  std::uint64_t now_ns = 100 * second;
};

TEST_F(a_supervision, tells_what_became_of_each) {
  EXPECT_EQ(report().state, actor_state::running);
  brain.ended(spool, bug, now_ns, 77);
  EXPECT_EQ(report().state, actor_state::restarting);
  EXPECT_EQ(report().last_error->detail, "a bug");
  EXPECT_EQ(report().last_error_time_ns, 77);
  brain.restarted(spool);
  EXPECT_EQ(report().state, actor_state::running);
  EXPECT_EQ(report().restarts, 1u);
  EXPECT_EQ(brain.report()[other].restarts, 0u);
  EXPECT_FALSE(brain.report()[other].last_error);
}

TEST_F(a_supervision, gives_up_with_one_that_ends_too_often) {
  EXPECT_EQ(end(bug, 6), restart_decision::escalate);
  EXPECT_EQ(report().state, actor_state::given_up);
  EXPECT_EQ(report().restarts, 5u);
}

TEST_F(a_supervision, forgets_endings_that_are_long_ago) {
  EXPECT_EQ(end(bug, 5), restart_decision::back_off);
  now_ns += 61 * second;
  EXPECT_EQ(end(bug, 1), restart_decision::restart);
  EXPECT_EQ(end(bug, 4), restart_decision::back_off);
  EXPECT_EQ(end(bug, 1), restart_decision::escalate);
}

TEST_F(a_supervision, counts_kinds_of_faults_apart) {
  EXPECT_EQ(end(bug, 5), restart_decision::back_off);
  EXPECT_EQ(end(killed, 10), restart_decision::back_off);
  EXPECT_EQ(end(bug, 1), restart_decision::escalate);
}

TEST_F(a_supervision, one_actors_endings_are_not_anothers) {
  end(bug, 5);
  EXPECT_EQ(brain.ended(other, bug, now_ns, 1).decision, restart_decision::restart);
}

TEST_F(a_supervision, waits_longer_each_time_and_never_longer_than_the_longest) {
  const restart_limits& limits = limits_of(fault_class::transient);
  std::chrono::nanoseconds longest{0};
  for (std::uint32_t i = 1; i <= limits.intensity; ++i) {
    const restart_order order = brain.ended(spool, killed, now_ns, 1);
    brain.restarted(spool);
    EXPECT_LE(order.wait, limits.backoff_longest);
    auto ceiling = limits.backoff_first;
    for (std::uint32_t n = 1; n < i && ceiling < limits.backoff_longest; ++n) ceiling *= 2;
    EXPECT_LE(order.wait, ceiling);
    longest = std::max(longest, order.wait);
  }
  EXPECT_GT(longest, limits.backoff_first) << "it grows";
}

TEST_F(a_supervision, a_supervisor_that_ends_is_never_started_again) {
  const auto group = brain.add("journal", false);
  EXPECT_EQ(brain.ended(group, killed, now_ns, 1).decision, restart_decision::escalate);
}

}  // namespace
}  // namespace fleetgate::supervise
