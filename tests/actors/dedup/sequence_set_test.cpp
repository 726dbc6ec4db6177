#include "actors/dedup/sequence_set.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace fleetgate::dedup {
namespace {

constexpr std::uint64_t last = sequence_set::end - 1;

std::optional<sequence_set> reload(const sequence_set& set) {
  std::string bytes;
  byte_writer out(bytes);
  set.save(out);
  byte_reader in(as_bytes(bytes));
  auto loaded = sequence_set::load(in);
  return in.empty() ? std::move(loaded) : std::nullopt;
}

TEST(sequence_set, knows_nothing_at_first) {
  const sequence_set set;
  EXPECT_EQ(set.find(0), sighting::unseen);
  EXPECT_EQ(set.find(last), sighting::unseen);
}

TEST(sequence_set, both_ends_of_the_range_work) {
  sequence_set set;
  set.insert(0, 4);
  EXPECT_EQ(set.find(0), sighting::seen);
  EXPECT_EQ(set.find(1), sighting::unseen);
  set.insert(last, 4);
  EXPECT_EQ(set.find(last), sighting::seen);
  EXPECT_EQ(set.find(last - 1), sighting::unseen);
  EXPECT_EQ(set.find(last - 600), sighting::unseen);
  EXPECT_EQ(set.find(0), sighting::seen);
  set.insert(last - 600, 4);
  EXPECT_EQ(set.find(last - 600), sighting::seen);
}

TEST(sequence_set, counting_without_holes_needs_no_heap) {
  sequence_set set;
  for (std::uint64_t s = 7; s < 100'000; ++s) set.insert(s, 4);
  EXPECT_EQ(set.heap_bytes(), 0u);
  EXPECT_EQ(set.find(7), sighting::seen);
  EXPECT_EQ(set.find(6), sighting::unseen);
}

TEST(sequence_set, tells_how_far_everything_has_been_seen) {
  sequence_set set;
  EXPECT_EQ(set.seen_from(1), std::nullopt);
  set.insert(2, 4);
  EXPECT_EQ(set.seen_from(1), std::nullopt);
  set.insert(1, 4);
  EXPECT_EQ(set.seen_from(1), 2u);
  set.insert(5, 4);
  EXPECT_EQ(set.seen_from(1), 2u);
  EXPECT_EQ(set.seen_from(5), 5u);
  set.insert(4, 4);
  set.insert(3, 4);
  EXPECT_EQ(set.seen_from(1), 5u);
}

TEST(sequence_set, tells_how_far_against_a_plain_set) {
  std::mt19937 random(20261126);
  for (int round = 0; round < 200; ++round) {
    sequence_set set;
    std::set<std::uint64_t> plain;
    const std::uint64_t range = round % 2 == 0 ? 40 : 4000;
    for (int i = 0; i < 600; ++i) {
      const std::uint64_t s = random() % 8 != 0 ? plain.size() + 1 : 1 + random() % range;
      set.insert(s, 1'000);
      plain.insert(s);
      std::optional<std::uint64_t> expected;
      while (plain.contains(expected.value_or(0) + 1)) expected = expected.value_or(0) + 1;
      ASSERT_EQ(set.seen_from(1), expected) << "round " << round << ", " << i;
    }
  }
}

TEST(sequence_set, claims_nothing_below_what_it_remembers) {
  sequence_set set;
  set.insert(1, 1);
  for (std::uint64_t s = 1000; s < 5000; s += 2) set.insert(s, 1);
  ASSERT_EQ(set.find(1), sighting::unknown);
  EXPECT_EQ(set.seen_from(1), std::nullopt);
}

TEST(sequence_set, what_came_before_the_first_is_unseen_and_can_still_come) {
  sequence_set set;
  set.insert(5000, 4);
  for (const std::uint64_t s : {4999u, 4990u, 10u, 0u}) {
    EXPECT_EQ(set.find(s), sighting::unseen) << s;
    set.insert(s, 4);
    EXPECT_EQ(set.find(s), sighting::seen) << s;
  }
  EXPECT_EQ(set.find(4995), sighting::unseen);
  EXPECT_EQ(set.find(9), sighting::unseen);
  EXPECT_EQ(set.find(11), sighting::unseen);
}

TEST(sequence_set, too_many_gaps_raise_the_floor_to_unknown_and_never_to_seen) {
  sequence_set set;
  for (std::uint64_t s = 0; s < 20; ++s) set.insert(s * 10'000, 4);
  EXPECT_EQ(set.find(5), sighting::unknown);
  EXPECT_EQ(set.find(10'000), sighting::unknown);
  EXPECT_EQ(set.find(190'000), sighting::seen);
  EXPECT_EQ(set.find(180'001), sighting::unseen);
  EXPECT_EQ(set.find(180'000), sighting::seen);
}

// A naive set beside it: `seen` must be true, `unseen` must be true, `unknown` only after overflow.
void compare_with_naive(unsigned seed, std::size_t most_gaps, std::uint64_t spread,
                        bool may_forget) {
  SCOPED_TRACE(testing::Message() << "seed " << seed << " spread " << spread);
  std::mt19937_64 random(seed);
  sequence_set set;
  std::set<std::uint64_t> naive;
  std::uint64_t front = random() % 2000;
  bool forgot = false;
  for (int i = 0; i < 6000; ++i) {
    if (random() % 4 != 0) front += random() % spread;
    const std::uint64_t back = random() % (random() % 8 == 0 ? 3000 : 600);
    const std::uint64_t s = random() % 2 == 0 || back > front ? front : front - back;
    const sighting said = set.find(s);
    if (said == sighting::unknown) {
      forgot = true;
    } else {
      ASSERT_EQ(said == sighting::seen, naive.count(s) != 0) << "sequence " << s << " step " << i;
    }
    if (!naive.empty() && s + sequence_set::window > *naive.rbegin()) {
      ASSERT_NE(said, sighting::unknown) << "the newest 512 are always exact";
    }
    set.insert(s, most_gaps);
    naive.insert(s);
    if (i % 97 == 0) {
      auto again = reload(set);
      ASSERT_TRUE(again) << "step " << i;
      set = std::move(*again);
    }
  }
  EXPECT_EQ(forgot, may_forget);
}

TEST(sequence_set, agrees_with_a_naive_set_on_random_traffic) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    compare_with_naive(seed, 1'000'000, 4, false);
    compare_with_naive(seed, 1'000'000, 900, false);
  }
}

TEST(sequence_set, forgets_under_pressure_but_never_lies) {
  for (unsigned seed = 1; seed <= 30; ++seed) compare_with_naive(seed, 3, 300, true);
}

TEST(sequence_set, bytes_that_contradict_themselves_are_not_loaded) {
  sequence_set set;
  for (const std::uint64_t s : {1u, 5000u, 9000u}) set.insert(s, 8);
  std::string bytes;
  byte_writer out(bytes);
  set.save(out);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    byte_reader in(as_bytes(std::string_view(bytes).substr(0, cut)));
    EXPECT_FALSE(sequence_set::load(in)) << cut;
  }
  std::string wrong = bytes;
  wrong[1] = '\x7F';  // bottom above top
  byte_reader in(as_bytes(wrong));
  EXPECT_FALSE(sequence_set::load(in));
  wrong = bytes;
  wrong[0] = '\x40';
  byte_reader flags(as_bytes(wrong));
  EXPECT_FALSE(sequence_set::load(flags));
}

}  // namespace
}  // namespace fleetgate::dedup
