#include "actors/accounts/audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>

#include "tests/actors/accounts/accounts_fixture.hpp"

namespace fleetgate::accounts {
namespace {

using test::balanced_node;
using test::drained_node;
using test::unbalanced_in;

/// Adds `by` to every word of an account in turn; says where that was not noticed.
template <class Account, class Pick>
std::string unnoticed(Pick pick, std::int64_t by, std::size_t from_word = 0) {
  std::string words;
  for (std::size_t i = from_word; i < sizeof(Account) / 8; ++i) {
    balanced_node n = drained_node();
    auto* word = reinterpret_cast<std::uint64_t*>(&pick(n)) + i;
    if (by < 0 && *word == 0) continue;  // a counter is never below nothing
    *word += static_cast<std::uint64_t>(by);
    if (unbalanced_in(n).empty()) words += std::to_string(i) + " ";
  }
  return words;
}

TEST(audit, holds_for_a_node_that_has_lost_nothing) {
  EXPECT_EQ(unbalanced_in(drained_node()), "");
}

TEST(audit, holds_for_a_node_that_was_killed_with_messages_between_its_stages) {
  balanced_node n = drained_node();
  n.said.run.drained = 0;
  n.said.shards[1].received[2] += 9;  // read, and not parsed
  n.said.shards[1].posted[2] += 9;
  n.said.shards[0].received[3] += 5;  // handed over, and not taken
  n.said.shards[0].posted[3] += 5;
  n.said.shards[0].batched[3] += 5;
  n.said.journal.durable[0] -= 2;  // appended, and not known to be on disk
  n.files[0].intact -= 2;
  EXPECT_EQ(unbalanced_in(n), "");
  EXPECT_EQ(in_flight_of(n.said).all(), 14);
}

TEST(audit, fails_for_a_miscount_of_one_in_any_term_of_the_journal) {
  const auto journal = [](balanced_node & n) -> auto& {
    return n.said.journal;
  };
  EXPECT_EQ(unnoticed<contract::journal_account>(journal, 1), "");
  EXPECT_EQ(unnoticed<contract::journal_account>(journal, -1), "");
}

TEST(audit, fails_for_a_miscount_of_one_in_any_term_of_a_shard) {
  const auto shard = [](balanced_node & n) -> auto& {
    return n.said.shards[1];
  };
  EXPECT_EQ(unnoticed<contract::shard_account>(shard, 1), "");
  EXPECT_EQ(unnoticed<contract::shard_account>(shard, -1), "");
}

TEST(audit, fails_for_a_miscount_of_one_in_any_term_of_earlier_runs) {
  const auto run = [](balanced_node & n) -> auto& {
    return n.said.run;
  };
  constexpr std::size_t first = offsetof(contract::run_account, received) / 8;
  EXPECT_EQ(unnoticed<contract::run_account>(run, 1, first), "");
  EXPECT_EQ(unnoticed<contract::run_account>(run, -1, first), "");
}

TEST(audit, fails_for_one_record_more_or_less_in_a_lane_of_the_files) {
  for (std::size_t lane = 0; lane < model::lane_count; ++lane) {
    const auto files = [lane](balanced_node & n) -> auto& {
      return n.files[lane];
    };
    EXPECT_EQ(unnoticed<lane_files>(files, 1), "") << lane;
    balanced_node n = drained_node();
    --n.files[lane].intact;
    EXPECT_THAT(unbalanced_in(n), testing::HasSubstr("by 1"));
  }
}

TEST(audit, fails_for_a_stage_that_took_more_than_it_was_given_also_while_the_node_runs) {
  balanced_node n = drained_node();
  n.said.run.drained = 0;
  ++n.said.journal.taken[0];
  ++n.said.journal.duplicates;
  EXPECT_THAT(unbalanced_in(n), testing::HasSubstr("hand-over control by -1"));
}

TEST(audit, fails_for_an_lsn_given_up_that_nobody_counted_also_while_the_node_runs) {
  balanced_node n = drained_node();
  n.said.run.drained = 0;
  ++n.said.journal.last_lsn;
  EXPECT_EQ(unbalanced_in(n), "positions by 1; ");
  ++n.said.journal.lsns_given_up;
  EXPECT_EQ(unbalanced_in(n), "");
}

TEST(audit, fails_for_a_batch_out_of_turn) {
  balanced_node n = drained_node();
  n.said.journal.out_of_turn = 1;
  EXPECT_THAT(unbalanced_in(n), testing::HasSubstr("hand-over in turn by 1"));
}

}  // namespace
}  // namespace fleetgate::accounts
