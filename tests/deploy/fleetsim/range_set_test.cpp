#include "deploy/fleetsim/range_set.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <set>

namespace fleetgate::fleetsim {
namespace {

using ranges = std::vector<range_set::range>;

range_set set_of(const ranges& in) {
  range_set s;
  for (const auto& r : in) s.insert_new(r.first, r.last);
  return s;
}

ranges difference(const range_set& a, const range_set& b) {
  ranges out;
  a.without(b, [&](const range_set::range& r) { out.push_back(r); });
  return out;
}

TEST(range_set, what_comes_in_order_is_one_range) {
  range_set s;
  for (std::uint64_t n = 1; n <= 1000; ++n) EXPECT_TRUE(s.insert(n));
  EXPECT_EQ(s.ranges(), (ranges{{1, 1000}}));
  EXPECT_EQ(s.count(), 1000U);
}

TEST(range_set, a_number_that_fills_a_gap_joins_its_neighbours) {
  range_set s = set_of({{1, 3}, {5, 9}});
  EXPECT_TRUE(s.insert(4));
  EXPECT_EQ(s.ranges(), (ranges{{1, 9}}));
}

TEST(range_set, the_second_insertion_is_told) {
  range_set s = set_of({{1, 3}});
  EXPECT_FALSE(s.insert(2));
  EXPECT_EQ(s.count(), 3U);
}

TEST(range_set, lowest_and_highest_are_taken_out) {
  range_set s = set_of({{2, 3}, {7, 7}});
  EXPECT_EQ(s.take_highest(), 7U);
  EXPECT_EQ(s.take_lowest(), 2U);
  EXPECT_EQ(s.take_highest(), 3U);
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(s.count(), 0U);
}

TEST(range_set, a_difference_is_cut_at_both_edges) {
  EXPECT_EQ(difference(set_of({{1, 10}}), set_of({{3, 4}, {9, 20}})), (ranges{{1, 2}, {5, 8}}));
  EXPECT_EQ(difference(set_of({{1, 2}, {5, 6}}), set_of({{1, 5}})), (ranges{{6, 6}}));
  EXPECT_EQ(difference(set_of({{1, 2}, {5, 6}}), set_of({{0, 9}})), ranges{});
  EXPECT_EQ(difference(set_of({{1, 2}}), range_set{}), (ranges{{1, 2}}));
}

TEST(range_set, it_holds_what_a_plain_set_holds) {
  constexpr unsigned seed = 11;
  std::printf("seed %u\n", seed);
  std::mt19937 dice(seed);
  range_set a, b;
  std::set<std::uint64_t> plain_a, plain_b;
  for (int i = 0; i < 4000; ++i) {
    const std::uint64_t n = dice() % 600;
    EXPECT_EQ(a.insert(n), plain_a.insert(n).second);
    const std::uint64_t m = dice() % 600;
    if (dice() % 4 == 0) {
      EXPECT_EQ(b.insert(m), plain_b.insert(m).second);
    }
    if (dice() % 3 == 0 && !plain_a.empty()) {
      EXPECT_EQ(a.take_highest(), *plain_a.rbegin());
      plain_a.erase(std::prev(plain_a.end()));
    }
    ASSERT_EQ(a.count(), plain_a.size());
  }
  std::set<std::uint64_t> left;
  a.without(b, [&](const range_set::range& r) {
    for (std::uint64_t n = r.first; n <= r.last; ++n) EXPECT_TRUE(left.insert(n).second);
  });
  std::set<std::uint64_t> expected = plain_a;
  for (const std::uint64_t n : plain_b) expected.erase(n);
  EXPECT_EQ(left, expected);
}

}  // namespace
}  // namespace fleetgate::fleetsim
