#include "actors/accounts/sink_audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/accounts/accounts_fixture.hpp"

namespace fleetgate::accounts {
namespace {

/// Of a node that has 250 records in each lane.
sink_statement balanced_sink() {
  sink_statement s;
  s.name = "fleet";
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    s.lanes[i] = {200, 20, 190, 5, 4, 6, 25};
    s.behind[i] = {3, 40, 7, std::nullopt};
  }
  s.behind[0] = {0, 43, 7, 200};
  s.delivered = 190 * model::lane_count;
  s.uncounted_rows = 11;
  s.removed_rows = 1000;
  s.rows = s.delivered + 11 - 1000;
  return s;
}

std::string unbalanced(const sink_statement& s, const statement& said = test::drained_node().said) {
  std::string names;
  for (const auto& e : audit_sink(said, s)) {
    if (!e.balanced()) names += e.name + " by " + std::to_string(e.difference()) + "; ";
  }
  return names;
}

TEST(sink_audit, holds_for_a_sink_that_is_behind_and_was_sent_back) {
  EXPECT_EQ(unbalanced(balanced_sink()), "");
}

TEST(sink_audit, fails_for_a_miscount_of_one_in_any_term_of_a_lane) {
  for (std::size_t lane = 0; lane < model::lane_count; ++lane) {
    for (auto term : {&contract::reader_lane::uncounted, &contract::reader_lane::delivered,
                      &contract::reader_lane::filtered, &contract::reader_lane::shed,
                      &contract::reader_lane::damaged, &contract::reader_lane::replayed}) {
      for (const int by : {1, -1}) {
        sink_statement s = balanced_sink();
        s.lanes[lane].*term += static_cast<std::uint64_t>(by);
        EXPECT_THAT(unbalanced(s),
                    testing::StartsWith("sink fleet " +
                                        std::string(to_string(static_cast<model::lane>(lane)))));
      }
    }
  }
}

TEST(sink_audit, fails_for_a_record_more_or_less_behind_the_cursor) {
  for (auto term : {&behind_cursor::removed, &behind_cursor::intact, &behind_cursor::damaged}) {
    sink_statement s = balanced_sink();
    ++(s.behind[3].*term);
    EXPECT_THAT(unbalanced(s), testing::HasSubstr("by -1"));
  }
}

TEST(sink_audit, fails_where_the_cursor_is_another_record_than_its_ordinal_says) {
  sink_statement s = balanced_sink();
  s.behind[0].ordinal = 199;
  EXPECT_EQ(unbalanced(s), "sink fleet cursor control by -1; ");
}

TEST(sink_audit, fails_for_one_row_more_or_less) {
  sink_statement s = balanced_sink();
  --s.rows;
  EXPECT_EQ(unbalanced(s), "sink fleet rows by 1; ");
  s = balanced_sink();
  ++s.removed_rows;
  EXPECT_EQ(unbalanced(s), "sink fleet rows by -1; ");
}

TEST(sink_audit, leaves_out_a_lane_that_is_not_counted_yet) {
  sink_statement s = balanced_sink();
  s.lanes[4].ordinal.reset();
  s.behind[4].intact += 77;
  EXPECT_EQ(unbalanced(s), "");
}

TEST(sink_audit, knows_that_a_sink_may_have_what_the_journal_has_not_counted_as_durable_yet) {
  auto n = test::drained_node();
  n.said.run.drained = 0;
  n.said.journal.durable[0] = 190;
  sink_statement s = balanced_sink();
  s.behind[0] = {0, 0, 0, 200};
  EXPECT_EQ(unbalanced(s, n.said), "");
  n.said.journal.last[0] = 199;  // but not what was never appended
  EXPECT_EQ(unbalanced(s, n.said), "sink fleet control by -1; ");
}

}  // namespace
}  // namespace fleetgate::accounts
