#include "actors/dedup/pending_table.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

namespace fleetgate::dedup {
namespace {

TEST(pending_table, tickets_count_from_one_without_gaps) {
  pending_table table;
  for (std::uint64_t t = 1; t <= 5000; ++t) EXPECT_EQ(table.at(table.add({})).ticket, t);
}

TEST(pending_table, an_old_ticket_does_not_hold_the_memory_of_those_settled_behind_it) {
  pending_table table;
  pending old;
  old.floor_lsn = 42;
  const auto stuck = table.add(old);
  for (std::uint64_t i = 0; i < 100'000; ++i) table.remove(table.add({}));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_LE(table.ring_size(), 2048u);
  EXPECT_EQ(table.oldest_floor(), 42u);
  EXPECT_EQ(table.find_ticket(1), stuck);
  table.remove(stuck);
  EXPECT_EQ(table.find_ticket(1), no_slot);
  EXPECT_EQ(table.oldest_floor(), std::nullopt);
}

TEST(pending_table, finds_every_entry_by_ticket_and_key_on_random_traffic) {
  constexpr unsigned seed = 20;
  std::mt19937_64 random(seed);
  pending_table table;
  window w("k", 0);
  std::map<std::uint64_t, std::uint64_t> live;  // ticket -> sequence
  for (int i = 0; i < 40'000; ++i) {
    if (live.size() < 50 || (live.size() < 5000 && random() % 2 == 0)) {
      pending p;
      p.sequence = 1'000'000 + static_cast<std::uint64_t>(i);
      p.epoch = 3;
      p.floor_lsn = static_cast<std::uint64_t>(i);
      const auto slot = table.add(p);
      table.index(slot, w);
      live.emplace(table.at(slot).ticket, p.sequence);
    } else {
      auto victim = live.lower_bound(random() % (live.rbegin()->first + 1));
      if (random() % 3 != 0) victim = live.begin();
      table.remove(table.find_ticket(victim->first));
      live.erase(victim);
    }
    const auto probe = live.lower_bound(random() % (live.rbegin()->first + 1));
    const auto slot = table.find_ticket(probe->first);
    ASSERT_NE(slot, no_slot) << "seed " << seed << " step " << i;
    ASSERT_EQ(table.at(slot).sequence, probe->second);
    ASSERT_EQ(table.find(&w, 3, probe->second, false), slot);
    ASSERT_EQ(table.find(&w, 4, probe->second, false), no_slot);
    ASSERT_EQ(*table.oldest_floor(), table.at(table.find_ticket(live.begin()->first)).floor_lsn);
    ASSERT_EQ(w.pending, live.size());
  }
}

}  // namespace
}  // namespace fleetgate::dedup
