#include "actors/contract/reader_account.hpp"

#include <gtest/gtest.h>

namespace fleetgate::contract {
namespace {

std::uint64_t passed(const reader_lane& l) {
  return l.uncounted + l.delivered + l.filtered + l.shed + l.damaged - l.replayed;
}

lane_passage through(std::uint64_t ordinal) {
  lane_passage p;
  p.through = ordinal;
  return p;
}

TEST(reader_lane, begins_to_count_where_its_reader_begins) {
  reader_lane lane;
  lane.pass({110, 100, 1, 2, 3}, 3, 1);
  EXPECT_EQ(lane, (reader_lane{110, 100, 3, 2, 3, 2, 0}));
}

TEST(reader_lane, counts_each_kind_and_nothing_is_left) {
  reader_lane lane{100, 0, 100};
  lane.pass({110, std::nullopt, 1, 2, 3}, 3, 1);
  EXPECT_EQ(lane, (reader_lane{110, 0, 103, 2, 3, 2, 0}));
  EXPECT_EQ(passed(lane), 110U);
}

TEST(reader_lane, calls_shed_what_went_while_the_reader_stood_nowhere) {
  reader_lane lane{100, 0, 100};
  lane.pass({150, 140}, 10, 0);
  EXPECT_EQ(lane.shed, 40U);
  EXPECT_EQ(passed(lane), 150U);
}

TEST(reader_lane, says_what_its_reader_missed_also_where_it_stood_nowhere) {
  reader_lane lane{100, 0, 100};
  EXPECT_EQ(lane.pass({150, 140, 0, 3, 2}, 5, 0), (missed_records{42, 3}));
  EXPECT_EQ(lane.pass(through(160), 10, 0), missed_records{});
}

TEST(reader_lane, counts_a_record_once_that_was_damaged_after_it_was_delivered) {
  reader_lane lane{100, 0, 100};
  // 100 and 101 cannot be read any more
  EXPECT_EQ(lane.pass({102, 99, 0, 2}, 1, 0), (missed_records{0, 1}));
  EXPECT_EQ(lane.damaged, 1U);
  EXPECT_EQ(passed(lane), 102U);
}

TEST(reader_lane, counts_what_is_passed_again_after_it_was_sent_back) {
  reader_lane lane{100, 20, 80};
  lane.go_back(30);
  EXPECT_EQ(lane.replayed, 70U);
  EXPECT_EQ(passed(lane), 30U);
  lane.pass({100, 30}, 70, 0);
  EXPECT_EQ(lane, (reader_lane{100, 20, 150, 0, 0, 0, 70}));
  lane.go_back(100);
  EXPECT_EQ(lane.replayed, 70U) << "nothing lies between";
}

TEST(reader_lane, that_counts_nothing_yet_cannot_be_sent_back) {
  reader_lane lane;
  lane.go_back(7);
  EXPECT_EQ(lane, reader_lane{});
}

TEST(reader_lane, goes_back_with_a_lane_that_counts_from_the_beginning_again) {
  reader_lane lane{9, 0, 9};
  lane.pass({3, 0, 1}, 2, 0);
  EXPECT_EQ(lane, (reader_lane{3, 0, 11, 1, 0, 0, 9}));
  EXPECT_EQ(passed(lane), 3U);
}

TEST(reader_lane, does_not_mend_a_count_that_is_wrong) {
  for (const std::uint64_t wrong : {99U, 101U}) {
    reader_lane lane{100, 0, wrong};
    lane.pass(through(110), 10, 0);
    EXPECT_EQ(passed(lane), wrong + 10);
    EXPECT_EQ(lane.ordinal, 110U);
  }
}

TEST(reader_lane, does_not_explain_a_record_that_was_lost_or_came_twice) {
  for (const std::uint64_t read : {9U, 11U}) {
    reader_lane lane{100, 0, 100};
    lane.pass(through(110), read, 0);
    EXPECT_EQ(passed(lane), 100 + read);
    EXPECT_EQ(lane.ordinal, 110U);
  }
}

}  // namespace
}  // namespace fleetgate::contract
