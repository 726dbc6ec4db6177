#include "actors/overload/overload_brain.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fleetgate::overload {
namespace {

using model::overload_level;
using observe::pressed_resource;
using std::chrono::seconds;

constexpr std::uint64_t budget = 1'000'000;

class overload_brain_test : public testing::Test {
 protected:
  /// One second later `r` holds so many bytes of 1,000,000 for every class.
  const assessment& after_a_second(pressed_resource r, std::uint64_t used) {
    now.at_ns += 1'000'000'000;
    for (auto& f : now.of) f.limits.fill(budget);
    now.of[static_cast<std::size_t>(r)].used = used;
    last = brain.review(now);
    return last;
  }
  const assessment& steady(pressed_resource r, std::uint64_t used) {
    for (std::size_t i = 0; i < overload_brain::window; ++i) after_a_second(r, used);
    return last;
  }

  overload_brain brain;
  reading now;
  assessment last;
};

TEST_F(overload_brain_test, an_idle_node_is_normal_and_never_full) {
  const auto& a = steady(pressed_resource::spool, 0);
  EXPECT_EQ(a.level, overload_level::normal);
  EXPECT_EQ(a.reason, "");
  for (const auto& f : a.full_in) EXPECT_FALSE(f);
}

TEST_F(overload_brain_test, each_level_begins_and_ends_at_different_fills) {
  struct {
    std::uint64_t used;
    overload_level level;
  } const walk[] = {
      {499'000, overload_level::normal},   {500'000, overload_level::elevated},
      {410'000, overload_level::elevated}, {399'000, overload_level::normal},
      {750'000, overload_level::high},     {660'000, overload_level::high},
      {640'000, overload_level::elevated}, {900'000, overload_level::critical},
      {810'000, overload_level::critical}, {799'000, overload_level::high},
      {0, overload_level::normal},
  };
  for (const auto& w : walk) {
    EXPECT_EQ(steady(pressed_resource::spool, w.used).level, w.level) << w.used;
  }
}

TEST_F(overload_brain_test, a_peak_of_memory_is_no_overload_but_a_lasting_one_is) {
  steady(pressed_resource::memory, 0);
  for (std::size_t i = 1; i < overload_brain::sustained; ++i) {
    EXPECT_EQ(after_a_second(pressed_resource::memory, budget).level, overload_level::normal);
  }
  EXPECT_EQ(after_a_second(pressed_resource::memory, budget).level, overload_level::critical);
  EXPECT_EQ(after_a_second(pressed_resource::memory, 0).level, overload_level::normal);
}

TEST_F(overload_brain_test, a_spool_that_will_be_full_within_a_minute_is_acted_on_before_it_is) {
  std::uint64_t used = 300'000;
  for (int i = 0; i < 3; ++i) after_a_second(pressed_resource::spool, used += 10'000);
  EXPECT_EQ(last.level, overload_level::elevated);  // 67 s
  EXPECT_EQ(last.full_in[model::index(model::traffic_class::telemetry)], seconds(67));
  while (used < 420'000) after_a_second(pressed_resource::spool, used += 10'000);
  EXPECT_EQ(last.level, overload_level::high);
  EXPECT_LT(last.fill_permille[static_cast<std::size_t>(pressed_resource::spool)], 500u);
  EXPECT_NE(last.reason.find("full in 58 s"), std::string::npos) << last.reason;
}

TEST_F(overload_brain_test, a_nearly_empty_spool_foresees_nothing) {
  std::uint64_t used = 0;
  for (int i = 0; i < 5; ++i) after_a_second(pressed_resource::spool, used += 40'000);
  EXPECT_EQ(last.level, overload_level::normal);
  EXPECT_TRUE(last.full_in.front());
}

TEST_F(overload_brain_test, each_class_has_the_time_that_its_own_share_gives) {
  for (int i = 1; i <= 4; ++i) {
    now.at_ns += 1'000'000'000;
    for (auto& f : now.of) f.limits = {900'000, 800'000, 700'000, 600'000};
    now.of[static_cast<std::size_t>(pressed_resource::spool)].used =
        static_cast<std::uint64_t>(i) * 100'000;
    last = brain.review(now);
  }
  EXPECT_EQ(last.full_in, (decltype(last.full_in){seconds(5), seconds(4), seconds(3), seconds(2)}));
}

TEST_F(overload_brain_test, what_cannot_hold_anything_is_not_full) {
  const auto a = brain.review(reading{});
  EXPECT_EQ(a.level, overload_level::normal);
}

TEST_F(overload_brain_test, the_reason_names_what_is_fullest) {
  steady(pressed_resource::journal, 950'000);
  EXPECT_NE(last.reason.find("journal is 95 % full"), std::string::npos) << last.reason;
}

}  // namespace
}  // namespace fleetgate::overload
