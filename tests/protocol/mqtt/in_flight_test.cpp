#include "protocol/mqtt/in_flight.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace fleetgate::mqtt {
namespace {

TEST(in_flight, holds_every_identifier_there_is) {
  in_flight_set set;
  for (unsigned id = 65'535; id >= 1; --id) {
    set.insert(static_cast<std::uint16_t>(id), exchange::qos1_unanswered);
  }
  EXPECT_EQ(set.size(), 65'535u);
  for (unsigned id = 1; id <= 65'535; ++id) {
    auto* e = set.find_qos1(static_cast<std::uint16_t>(id));
    ASSERT_NE(e, nullptr) << id;
    set.finish(*e);
  }
  EXPECT_EQ(set.size(), 0u);
  set.shrink();
  EXPECT_EQ(set.heap_bytes(), 0u);
}

TEST(in_flight, small_windows_stay_small) {
  in_flight_set set;
  EXPECT_EQ(set.heap_bytes(), 0u);
  for (std::uint16_t id = 1; id <= 6; ++id) set.insert(id, exchange::qos2_unanswered);
  EXPECT_LE(set.heap_bytes(), 64u);
  set.shrink();  // not while something is in flight
  EXPECT_NE(set.find_qos2(3), nullptr);
}

TEST(in_flight, sliding_window_never_grows_the_table) {
  in_flight_set set;
  for (std::uint16_t id = 1; id <= 16; ++id) set.insert(id, exchange::qos1_unanswered);
  const auto bytes = set.heap_bytes();
  std::uint16_t oldest = 1, newest = 16;
  for (int i = 0; i < 200'000; ++i) {
    set.finish(*set.find_qos1(oldest));
    oldest = oldest == 65'535 ? 1 : static_cast<std::uint16_t>(oldest + 1);
    newest = newest == 65'535 ? 1 : static_cast<std::uint16_t>(newest + 1);
    set.insert(newest, exchange::qos1_unanswered);
  }
  EXPECT_EQ(set.heap_bytes(), bytes);
}

TEST(in_flight, repeats_are_finished_one_by_one) {
  in_flight_set set;
  set.insert(7, exchange::qos1_unanswered);
  set.repeat(*set.find_qos1(7));
  EXPECT_EQ(set.messages(), 2u);
  set.finish(*set.find_qos1(7));
  ASSERT_NE(set.find_qos1(7), nullptr);
  set.finish(*set.find_qos1(7));
  EXPECT_EQ(set.find_qos1(7), nullptr);
  EXPECT_EQ(set.messages(), 0u);
}

TEST(in_flight, one_identifier_at_both_qos_is_two_entries) {
  in_flight_set set;
  set.insert(7, exchange::qos1_unanswered);
  set.insert(7, exchange::release_only);
  EXPECT_EQ(set.messages(), 1u);
  EXPECT_EQ(set.releases(), 1u);
  EXPECT_EQ(set.find_qos2(7)->at, exchange::release_only);
  set.finish(*set.find_qos2(7));
  EXPECT_TRUE(set.contains(7));
  EXPECT_EQ(set.releases(), 0u);
  set.finish(*set.find_qos1(7));
  EXPECT_FALSE(set.contains(7));
}

/// Against a std::map, with identifiers that collide on purpose.
TEST(in_flight, behaves_as_a_map) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    in_flight_set set;
    std::map<std::pair<std::uint16_t, bool>, int> model;
    std::size_t total = 0;
    const unsigned stride = 1u << (random() % 10);
    for (int step = 0; step < 5'000; ++step) {
      const auto id = static_cast<std::uint16_t>(1 + (random() % 64) * stride % 65'535);
      const bool qos2 = random() % 2 == 0;
      const auto at = qos2 ? exchange::qos2_recorded : exchange::qos1_unanswered;
      auto* found = qos2 ? set.find_qos2(id) : set.find_qos1(id);
      const auto known = model.find({id, qos2});
      ASSERT_EQ(found != nullptr, known != model.end());
      if (found == nullptr) {
        set.insert(id, at);
        model[{id, qos2}] = 1;
        ++total;
      } else if (!qos2 && random() % 4 == 0) {
        set.repeat(*found);
        ++known->second;
        ++total;
      } else {
        ASSERT_EQ(found->packet_id, id);
        ASSERT_EQ(found->at, at);
        set.finish(*found);
        if (--known->second == 0) model.erase(known);
        --total;
      }
      ASSERT_EQ(set.size(), total);
    }
    for (const auto& [key, count] : model) {
      ASSERT_NE(key.second ? set.find_qos2(key.first) : set.find_qos1(key.first), nullptr);
    }
  }
}

}  // namespace
}  // namespace fleetgate::mqtt
