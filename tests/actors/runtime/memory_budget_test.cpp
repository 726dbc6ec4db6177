#include "actors/runtime/memory_budget.hpp"

#include <gtest/gtest.h>

#include "actors/runtime/arena.hpp"

namespace fleetgate::runtime {
namespace {

using model::traffic_class;

TEST(memory_budget, a_flood_of_one_class_leaves_the_least_share_of_every_other) {
  for (const auto flood : model::all_traffic_classes) {
    memory_budget b(1600);
    EXPECT_TRUE(b.take(flood, 1300));
    EXPECT_FALSE(b.take(flood, 1));
    for (const auto other : model::all_traffic_classes) {
      if (other == flood) continue;
      EXPECT_TRUE(b.take(other, 100));
      EXPECT_FALSE(b.take(other, 1));
    }
    EXPECT_EQ(b.used(), 1600u);
    EXPECT_EQ(b.used(flood), 1300u);
  }
}

TEST(memory_budget, a_share_that_is_used_is_not_kept_twice) {
  memory_budget b(1600);
  EXPECT_TRUE(b.take(traffic_class::control, 700));
  EXPECT_TRUE(b.take(traffic_class::telemetry, 700));
  EXPECT_FALSE(b.take(traffic_class::telemetry, 1));
  b.give_back(traffic_class::control, 700);
  EXPECT_TRUE(b.take(traffic_class::telemetry, 600));
  EXPECT_FALSE(b.take(traffic_class::telemetry, 1));
}

TEST(memory_budget, leaves_its_upper_half_to_the_road) {
  memory_budget b(1600);
  EXPECT_TRUE(b.has_room_for_subscribers());
  EXPECT_TRUE(b.take(traffic_class::telemetry, 800));
  EXPECT_FALSE(b.has_room_for_subscribers());
  EXPECT_TRUE(b.take(traffic_class::telemetry, 500));
}

TEST(memory_budget, a_charge_gives_back_when_it_goes) {
  memory_budget b(1 << 20);
  memory_credit credit(b);
  ASSERT_TRUE(credit.take(traffic_class::event, 100));
  {
    const memory_charge charge = credit.collect(traffic_class::event);
    EXPECT_EQ(charge.bytes(), 100u);
  }
  credit.trim();
  EXPECT_EQ(b.used(), 0u);
}

TEST(memory_budget, credit_is_refused_when_the_budget_is_used_up) {
  memory_budget b(memory_credit::block_bytes * 2);
  memory_credit credit(b);
  std::size_t taken = 0;
  while (credit.take(traffic_class::telemetry, 1000)) taken += 1000;
  EXPECT_GT(taken, 0u);
  EXPECT_LE(b.used(), b.limit());
  EXPECT_EQ(credit.collect(traffic_class::telemetry).bytes(), taken);
}

TEST(memory_budget, many_telemetry_messages_leave_a_sixteenth_to_packets_that_are_not_whole) {
  constexpr std::size_t part = memory_credit::block_bytes;
  memory_budget b(16 * part);
  memory_credit credit(b);
  while (credit.take(traffic_class::telemetry, part)) continue;
  EXPECT_EQ(b.used(), 12 * part);
  EXPECT_TRUE(b.take(traffic_class::telemetry, part));
  EXPECT_FALSE(b.take(traffic_class::telemetry, 1));
}

TEST(memory_budget, telemetry_has_its_least_share_for_messages_alone) {
  constexpr std::size_t part = memory_credit::block_bytes;
  memory_budget b(16 * part);
  ASSERT_TRUE(b.take(traffic_class::control, 13 * part));
  memory_credit credit(b);
  EXPECT_TRUE(credit.take(traffic_class::telemetry, part));
}

TEST(memory_budget, a_charge_can_be_split_and_joined) {
  memory_budget b(1 << 20);
  ASSERT_TRUE(b.take(traffic_class::event, 100));
  memory_charge whole(b, traffic_class::event, 100);
  memory_charge part = whole.split(30), none;
  EXPECT_EQ(whole.bytes(), 70u);
  none.add(part.split(1000));
  EXPECT_EQ(part.bytes(), 0u);
  EXPECT_EQ(none.bytes(), 30u);
  none.add(whole.split(5));
  whole.reset();
  EXPECT_EQ(b.used(), 35u);
  none.reset();
  EXPECT_EQ(b.used(), 0u);
}

TEST(arena, what_it_hands_out_stays_where_it_is_until_clear) {
  arena a;
  std::vector<std::string_view> kept;
  for (int i = 0; i < 5000; ++i) kept.push_back(a.copy(std::string_view("message of some length")));
  for (const auto s : kept) ASSERT_EQ(s, "message of some length");
  EXPECT_EQ(a.used(), 5000 * kept.front().size());
  a.clear();
  EXPECT_EQ(a.used(), 0u);
}

TEST(arena, takes_more_than_a_block_at_once) {
  arena a;
  const std::string large(arena::block_bytes * 3, 'x');
  EXPECT_EQ(a.copy(std::string_view(large)), large);
  a.clear();
  EXPECT_EQ(a.copy(std::string_view("y")), "y");
}

}  // namespace
}  // namespace fleetgate::runtime
