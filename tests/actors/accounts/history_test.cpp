#include "actors/accounts/history.hpp"

#include <gtest/gtest.h>

#include "tests/actors/accounts/accounts_fixture.hpp"

namespace fleetgate::accounts {
namespace {

using test::balanced_node;
using test::drained_node;
using test::unbalanced_in;

found_spool found_after(const balanced_node& n) {
  found_spool f;
  f.uuid = n.said.run.spool;
  f.boot = n.said.run.boot;
  f.incarnation = n.said.run.incarnation + 1;
  for (std::size_t i = 0; i < model::lane_count; ++i) f.last[i] = n.files[i].last;
  return f;
}

/// The node as it stands right after a start that has found `there`.
balanced_node started(const balanced_node& before, const found_spool& there) {
  balanced_node n;
  n.said.run = go_on(before.said, there);
  n.said.shards.resize(2);
  n.files = before.files;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    auto& j = n.said.journal;
    j.base[i] = j.last[i] = j.durable[i] = there.last[i];
  }
  return n;
}

TEST(history, after_a_drain_nothing_is_interrupted_and_all_is_carried_on) {
  const balanced_node before = drained_node();
  const balanced_node now = started(before, found_after(before));
  const auto& run = now.said.run;
  EXPECT_EQ(unbalanced_in(now), "");
  EXPECT_EQ(run.runs, 5u);
  EXPECT_EQ(run.received, 1000u + 440u);
  EXPECT_EQ(run.kept, 790u + 360u);
  EXPECT_EQ(run.interrupted, 60u);
  EXPECT_EQ(run.unwritten, before.said.run.unwritten);
  EXPECT_EQ(run.drained, 0u);
}

TEST(history, what_had_no_end_at_a_crash_is_interrupted_exactly) {
  balanced_node before = drained_node();
  before.said.run.drained = 0;
  before.said.shards[0].received[1] += 9;
  before.said.shards[0].posted[1] += 9;
  before.said.shards[0].batched[1] += 4;
  const balanced_node now = started(before, found_after(before));
  EXPECT_EQ(unbalanced_in(now), "");
  EXPECT_EQ(now.said.run.interrupted, 60u + 9u);
}

TEST(history, a_record_that_was_not_yet_durable_may_be_gone_after_a_crash) {
  balanced_node before = drained_node();
  before.said.run.drained = 0;
  before.said.journal.durable[3] = 245;
  found_spool there = found_after(before);
  there.last[3] = 247;
  balanced_node now = started(before, there);
  now.files[3] = {150, 94, 3, 247};
  EXPECT_EQ(unbalanced_in(now), "");
  EXPECT_EQ(now.said.run.unwritten[3], 5u + 3u);
  EXPECT_EQ(now.said.run.missing[3], 0u);
}

TEST(history, a_durable_record_that_is_gone_fails_every_audit_from_then_on) {
  balanced_node before = drained_node();
  found_spool there = found_after(before);
  there.last[0] = 249;
  balanced_node now = started(before, there);
  now.files[0] = {150, 96, 3, 249};
  EXPECT_EQ(now.said.run.missing[0], 1u);
  EXPECT_EQ(unbalanced_in(now), "durable and missing control by 1; ");
}

TEST(history, a_record_in_no_account_is_explained_by_a_restart_of_the_machine_alone) {
  balanced_node before = drained_node();
  before.said.run.drained = 0;
  found_spool there = found_after(before);
  there.last[0] = 252;
  EXPECT_EQ(go_on(before.said, there).unexplained, 2u);
  there.boot = {9, 9};
  balanced_node now = started(before, there);
  now.files[0] = {150, 99, 3, 252};
  EXPECT_EQ(now.said.run.unexplained, 0u);
  EXPECT_EQ(now.said.run.uncounted[0], 15u + 2u);
  EXPECT_EQ(unbalanced_in(now), "");
}

TEST(history, after_a_restart_of_the_machine_a_shard_may_be_older_than_the_journal) {
  balanced_node before = drained_node();
  before.said.run.drained = 0;
  before.said.shards[0] = {};
  found_spool there = found_after(before);
  there.boot = {9, 9};
  const balanced_node now = started(before, there);
  EXPECT_EQ(unbalanced_in(now), "");
  EXPECT_EQ(now.said.run.interrupted, 60u);
}

TEST(history, a_miscount_of_a_run_that_is_over_stays_visible) {
  balanced_node before = drained_node();
  ++before.said.journal.duplicates;
  EXPECT_EQ(go_on(before.said, found_after(before)).unexplained, 1u);
}

TEST(history, more_ends_than_messages_interrupt_nothing_and_stay_visible) {
  balanced_node before = drained_node();
  before.said.run.drained = 0;
  before.said.journal.taken[0] += 7;
  before.said.journal.duplicates += 7;
  const auto run = go_on(before.said, found_after(before));
  EXPECT_EQ(run.interrupted, 60u);
  EXPECT_EQ(run.unexplained, 7u);
}

TEST(history, a_message_without_an_end_after_a_drain_is_not_called_interrupted_quietly) {
  balanced_node before = drained_node();
  ++before.said.shards[0].received[1];
  ++before.said.shards[0].posted[1];
  EXPECT_EQ(go_on(before.said, found_after(before)).unexplained, 1u);
}

TEST(history, another_spool_begins_accounts_of_its_own) {
  const balanced_node before = drained_node();
  found_spool there = found_after(before);
  there.uuid = {7, 7};
  const auto run = go_on(before.said, there);
  EXPECT_EQ(run.received, 0u);
  EXPECT_EQ(run.begun, there.last);
  EXPECT_FALSE(findings(before.said.run, run)) << "what one less the other is says nothing";
}

TEST(history, a_start_tells_what_it_has_found_beside_what_was_known) {
  balanced_node before = drained_node();
  before.said.run.drained = 0;
  before.said.journal.durable[3] = 245;
  before.said.shards[0].received[1] += 9;
  before.said.shards[0].posted[1] += 9;
  found_spool there = found_after(before);
  there.last[3] = 243;
  const auto found = findings(before.said.run, go_on(before.said, there));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->interrupted, 9u);
  EXPECT_EQ(found->missing, 2u);
  EXPECT_EQ(found->unwritten, 5u);
  EXPECT_EQ(found->unexplained, 0u);
}

}  // namespace
}  // namespace fleetgate::accounts
