// Which sessions are kept, and until when.
#include "actors/dedup/session_table.hpp"

#include <gtest/gtest.h>

namespace fleetgate::dedup {
namespace {

constexpr std::uint64_t one_second_ns = 1'000'000'000;
constexpr std::uint32_t year = 365 * 24 * 3600;
constexpr std::uint32_t never = 0xFFFFFFFF;

class session_table_test : public testing::Test {
 protected:
  session* connect(const std::string& client_id, std::uint32_t expiry_s) {
    session* const s = table_.open(client_id);
    if (s == nullptr) return nullptr;
    table_.connected(*s, {1, 0, ++generation_});
    s->expiry_s = expiry_s;
    return s;
  }
  /// Connects and loses the connection.
  session* leave(const std::string& client_id, std::uint32_t expiry_s) {
    session* const s = connect(client_id, expiry_s);
    if (s != nullptr) table_.disconnected(*s, now_);
    return s;
  }
  void sweep() { table_.expire(now_, 1000); }

  dedup_limits limits_{.sessions = 3};
  dedup_counters counters_;
  session_table table_{limits_, counters_};
  std::uint64_t generation_ = 0;
  std::uint64_t now_ = one_second_ns;
};

TEST_F(session_table_test, a_session_that_ends_leaves_no_time_behind) {
  for (int i = 0; i < 100; ++i) {
    leave("c", year);
    EXPECT_EQ(table_.queued(), 1u);
    table_.end(*connect("c", year));
    EXPECT_EQ(table_.queued(), 0u);
  }
  EXPECT_EQ(counters_.sessions, 0u);
}

TEST_F(session_table_test, a_pinned_session_that_ends_leaves_no_time_behind) {
  session* const s = leave("c", year);
  table_.pin(*s);
  table_.end(*s);
  EXPECT_EQ(table_.queued(), 0u);
  table_.unpin(*s);
  EXPECT_EQ(counters_.sessions, 0u);
}

TEST_F(session_table_test, the_time_of_a_session_that_is_gone_does_nothing_to_the_next) {
  leave("c", 10);
  table_.end(*connect("c", 10));
  now_ += 5 * one_second_ns;
  leave("c", 10);
  now_ += 5 * one_second_ns;  // the first one's time
  sweep();
  EXPECT_EQ(table_.queued(), 1u) << "one time a session";
  EXPECT_EQ(counters_.sessions, 1u);
  now_ += 5 * one_second_ns;
  sweep();
  EXPECT_EQ(counters_.sessions, 0u);
  EXPECT_EQ(counters_.sessions_expired, 1u);
}

TEST_F(session_table_test, a_shorter_expiry_replaces_a_longer_one) {
  leave("c", year);
  leave("c", 10);
  now_ += 10 * one_second_ns;
  sweep();
  EXPECT_EQ(counters_.sessions, 0u);
}

TEST_F(session_table_test, a_longer_expiry_replaces_a_shorter_one_and_none_ends_it) {
  leave("c", 10);
  leave("c", 20);
  now_ += 10 * one_second_ns;
  sweep();
  EXPECT_EQ(counters_.sessions, 1u);
  leave("c", never);
  EXPECT_EQ(table_.queued(), 0u);
  now_ += 20 * one_second_ns;
  sweep();
  EXPECT_EQ(counters_.sessions, 1u);
}

TEST_F(session_table_test, who_is_connected_does_not_expire) {
  leave("c", 10);
  connect("c", 10);
  now_ += 10 * one_second_ns;
  sweep();
  EXPECT_NE(table_.find("c"), nullptr);
  EXPECT_EQ(table_.queued(), 0u);
}

TEST_F(session_table_test, time_that_is_not_known_begins_for_all_with_the_first_sweep) {
  limits_.sessions = 2;
  for (const char* id : {"a", "b"}) table_.disconnected(*connect(id, 10), 0);
  EXPECT_FALSE(table_.expired(*table_.find("a"), now_));
  table_.expire(now_, 1);
  now_ += 10 * one_second_ns;
  EXPECT_TRUE(table_.expired(*table_.find("a"), now_));
  EXPECT_TRUE(table_.expired(*table_.find("b"), now_)) << "though no sweep has come to it";
}

TEST_F(session_table_test, time_that_is_not_known_begins_with_the_sweep) {
  session* const s = connect("c", 10);
  table_.disconnected(*s, 0);
  now_ = 1000 * one_second_ns;
  sweep();
  EXPECT_EQ(counters_.sessions, 1u);
  now_ += 10 * one_second_ns;
  sweep();
  EXPECT_EQ(counters_.sessions, 0u);
}

TEST_F(session_table_test, at_the_limit_the_one_disconnected_longest_ago_makes_room) {
  for (const char* id : {"a", "b", "c"}) leave(id, never);
  leave("a", never);  // again
  ASSERT_NE(connect("d", 0), nullptr);
  EXPECT_EQ(table_.find("b"), nullptr);
  EXPECT_NE(table_.find("a"), nullptr);
  EXPECT_NE(table_.find("c"), nullptr);
  EXPECT_EQ(counters_.sessions, 3u);
  EXPECT_EQ(counters_.sessions_pushed_out, 1u);
}

TEST_F(session_table_test, who_makes_room_leaves_neither_packet_ids_nor_a_time) {
  limits_.held_in_all_sessions = 1;
  for (const char* id : {"a", "b", "c"}) leave(id, year);
  table_.find("a")->hold_id({1, no_slot, no_slot, 1, true});
  EXPECT_FALSE(table_.may_hold(*table_.find("b")));
  leave("d", year);
  EXPECT_TRUE(table_.may_hold(*table_.find("b")));
  EXPECT_EQ(table_.queued(), 3u);
}

TEST_F(session_table_test, where_all_are_connected_a_new_one_is_refused) {
  for (const char* id : {"a", "b", "c"}) leave(id, year);
  for (const char* id : {"a", "b", "c"}) connect(id, year);
  EXPECT_EQ(connect("d", year), nullptr);
  EXPECT_NE(connect("a", year), nullptr) << "who is known needs no room";
  EXPECT_EQ(counters_.sessions, 3u);
}

TEST_F(session_table_test, who_has_something_pending_makes_no_room_until_it_is_settled) {
  for (const char* id : {"a", "b", "c"}) leave(id, year);
  session* const a = table_.find("a");
  table_.pin(*a);
  table_.pin(*a);
  leave("d", year);
  EXPECT_EQ(table_.find("a"), a);
  EXPECT_EQ(table_.find("b"), nullptr) << "the next";
  table_.unpin(*a);
  table_.unpin(*a);
  leave("e", year);
  EXPECT_EQ(table_.find("a"), nullptr) << "in its old place";
}

TEST_F(session_table_test, what_was_pinned_when_its_connection_went_makes_room_when_it_is_settled) {
  session* const a = connect("a", year);
  table_.pin(*a);
  table_.disconnected(*a, now_);
  for (const char* id : {"b", "c"}) connect(id, year);
  EXPECT_EQ(connect("d", year), nullptr);
  table_.unpin(*a);
  EXPECT_NE(connect("d", year), nullptr);
  EXPECT_EQ(table_.find("a"), nullptr);
}

TEST_F(session_table_test, more_rows_than_the_limit_are_not_kept_in_memory_nor_in_the_store) {
  std::string row;
  leave("a", year)->save(row);
  table_.end(*table_.find("a"));
  for (const char* id : {"a", "b", "c", "d", "e"}) EXPECT_TRUE(table_.restore(id, row));
  EXPECT_EQ(counters_.sessions, 3u);
  std::vector<contract::state_change> changes;
  table_.save(changes, 100, 100'000);
  EXPECT_EQ(changes.size(), 2u);
  for (const auto& c : changes) EXPECT_FALSE(c.value) << c.key;
}

TEST_F(session_table_test, one_that_is_to_be_kept_again_after_its_row_went_gets_a_row) {
  session* const s = connect("c", year);
  for (const std::uint32_t expiry_s : {year, std::uint32_t{0}, year}) {
    s->expiry_s = expiry_s;
    table_.changed(*s);
    std::vector<contract::state_change> changes;
    EXPECT_EQ(table_.save(changes, 10, 1 << 20), 1u);
    ASSERT_EQ(changes.size(), 1u);
    EXPECT_EQ(changes.front().value.has_value(), expiry_s != 0);
    table_.saved(true);
  }
}

}  // namespace
}  // namespace fleetgate::dedup
