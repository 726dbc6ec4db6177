#include "deploy/fleetsim/muster.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fleetgate::fleetsim {
namespace {

TEST(muster, threads_divide_the_fleet_without_rest) {
  run_plan plan;
  plan.connections = 10;
  plan.first_device = 100;
  plan.threads = 3;
  std::set<std::string> names;
  for (std::uint32_t t = 0; t < plan.threads; ++t) {
    for (const member& m : muster(plan, nullptr, t)) {
      EXPECT_EQ(m.place % plan.threads, t);
      EXPECT_EQ(m.number, 100 + m.place);
      EXPECT_TRUE(names.insert(m.name).second);
    }
  }
  EXPECT_EQ(names.size(), 10U);
  EXPECT_TRUE(names.contains("sim-100"));
}

TEST(muster, the_messages_are_shared_out_to_the_last) {
  run_plan plan;
  plan.connections = 7;
  plan.messages = 100;
  std::uint64_t sum = 0;
  for (std::uint32_t place = 0; place < 7; ++place) sum += quota_of(plan, place);
  EXPECT_EQ(sum, 100U);
  plan.messages = 0;
  EXPECT_EQ(quota_of(plan, 3), ~0ULL) << "no end";
}

TEST(muster, a_resumed_device_has_left_what_was_not_answered) {
  run_plan plan;
  plan.connections = 1;
  plan.messages = 10;
  resume_points past;
  for (const std::uint64_t n : {1, 2, 4}) past.add({record_kind::acknowledged, 1, 0, 0, 1, n, 0});
  const auto members = muster(plan, &past, 0);
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].who.owed(), 1U) << "3 is missing";
  EXPECT_EQ(members[0].quota_left, 6U) << "5 to 10";
}

}  // namespace
}  // namespace fleetgate::fleetsim
