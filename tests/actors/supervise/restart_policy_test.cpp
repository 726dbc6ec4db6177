#include "actors/supervise/restart_policy.hpp"

#include <gtest/gtest.h>

namespace fleetgate::supervise {
namespace {

TEST(restart_policy, a_first_ending_is_followed_at_once_unless_memory_ran_out) {
  for (const auto cls :
       {fault_class::transient, fault_class::permanent, fault_class::protocol, fault_class::auth}) {
    EXPECT_EQ(decide(cls, 1), restart_decision::restart) << to_string(cls);
  }
  EXPECT_EQ(decide(fault_class::overload, 1), restart_decision::back_off);
}

TEST(restart_policy, further_endings_wait_and_too_many_escalate) {
  for (const auto cls : {fault_class::transient, fault_class::overload, fault_class::permanent,
                         fault_class::protocol, fault_class::auth}) {
    const auto most = limits_of(cls).intensity;
    ASSERT_GT(most, 1u);
    EXPECT_EQ(decide(cls, 2), restart_decision::back_off) << to_string(cls);
    EXPECT_EQ(decide(cls, most), restart_decision::back_off) << to_string(cls);
    EXPECT_EQ(decide(cls, most + 1), restart_decision::escalate) << to_string(cls);
  }
}

TEST(restart_policy, what_may_pass_is_tried_more_often_than_a_bug) {
  EXPECT_GT(limits_of(fault_class::transient).intensity,
            limits_of(fault_class::permanent).intensity);
}

}  // namespace
}  // namespace fleetgate::supervise
