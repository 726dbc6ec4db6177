// A sink's decisions in virtual time.
#include "actors/sink/sink_brain.hpp"

#include <gtest/gtest.h>

namespace fleetgate::sink {
namespace {

using observe::circuit_state;

constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t s = 1000 * ms;

class sink_brain_that : public ::testing::Test {
 protected:
  sink_action next() const { return brain_.next(now_); }
  sink_step step() const { return next().step; }

  void open() {
    ASSERT_EQ(step(), sink_step::open);
    brain_.opened(now_);
  }
  /// Opened, the backlog read, nothing to do.
  void open_and_catch_up() {
    open();
    ASSERT_EQ(step(), sink_step::deliver);
    brain_.found_nothing(now_);
    ASSERT_EQ(step(), sink_step::wait);
  }
  void fail(fault_code code) { brain_.failed(step(), code, now_); }
  /// Lets the time pass that the brain wants to wait.
  void wait_it_out() {
    const sink_action a = next();
    if (a.step != sink_step::wait) return;
    ASSERT_GT(a.until_ns, now_);
    now_ = a.until_ns;
  }
  /// Fails whatever comes until the circuit is open.
  void open_the_circuit(fault_code code = fault_code::sink_unavailable) {
    for (std::uint32_t i = 0; i < policy_.failures_to_open_circuit; ++i) {
      wait_it_out();
      fail(code);
    }
    ASSERT_EQ(brain_.circuit(), circuit_state::open);
  }

  std::uint64_t now_ = 1000 * s;
  sink_policy policy_;
  sink_brain brain_{policy_, 42, now_};
};

using brain = sink_brain_that;

TEST_F(brain, has_just_opened_delivers_the_backlog_without_being_told) {
  open();
  const auto a = next();
  EXPECT_EQ(a.step, sink_step::deliver);
  EXPECT_EQ(a.records, policy_.batch_records);
  EXPECT_EQ(a.bytes, policy_.batch_bytes);
}

TEST_F(brain, had_a_full_read_reads_again_at_once) {
  open();
  brain_.delivered(policy_.batch_records, true, 5 * ms, now_);
  EXPECT_EQ(step(), sink_step::deliver);
}

TEST_F(brain, is_idle_gathers_a_little_after_the_first_notice) {
  open_and_catch_up();
  now_ += 300 * ms;
  brain_.notice(1, now_);
  const auto a = next();
  ASSERT_EQ(a.step, sink_step::wait);
  EXPECT_EQ(a.until_ns, now_ + 2 * ms);
  now_ += 1 * ms;
  brain_.notice(1, now_);
  EXPECT_EQ(next().until_ns, now_ + 1 * ms) << "later notices do not put it off";
  now_ += 1 * ms;
  EXPECT_EQ(step(), sink_step::deliver);
}

TEST_F(brain, hears_of_a_full_batch_does_not_gather) {
  open_and_catch_up();
  brain_.notice(policy_.batch_records, now_);
  EXPECT_EQ(step(), sink_step::deliver);
}

TEST_F(brain, has_a_slow_disk_gathers_longer_but_never_beyond_the_most) {
  open();
  brain_.delivered(10, false, 8 * ms, now_);
  brain_.notice(1, now_);
  EXPECT_EQ(next().until_ns, now_ + 32 * ms);  // four times what the write took
  now_ += 32 * ms;
  brain_.delivered(10, false, 5 * s, now_);
  brain_.notice(1, now_);
  EXPECT_EQ(next().until_ns, now_ + 100 * ms);
}

TEST_F(brain, is_told_nothing_looks_all_the_same) {
  open_and_catch_up();
  now_ += 1 * s - 1;
  EXPECT_EQ(step(), sink_step::wait);
  now_ += 1;
  EXPECT_EQ(step(), sink_step::deliver);
}

TEST_F(brain, meets_a_lock_writes_the_same_block_again_after_a_while) {
  open();
  fail(fault_code::sink_unavailable);
  EXPECT_TRUE(brain_.holds_block());
  EXPECT_EQ(brain_.failures(), 1U);
  EXPECT_EQ(brain_.circuit(), circuit_state::closed);
  wait_it_out();
  ASSERT_EQ(step(), sink_step::rewrite);
  brain_.delivered(10, false, 1 * ms, now_);
  EXPECT_FALSE(brain_.holds_block());
  EXPECT_EQ(brain_.failures(), 0U);
  EXPECT_NE(step(), sink_step::rewrite);
}

TEST_F(brain, does_not_know_whether_the_batch_was_written_opens_again) {
  for (const auto code :
       {fault_code::sink_lost, fault_code::storage_io, fault_code::storage_full}) {
    open();
    fail(code);
    EXPECT_FALSE(brain_.holds_block());
    wait_it_out();
    EXPECT_EQ(step(), sink_step::open);
  }
}

TEST_F(brain, waits_after_a_failure_within_the_ceiling_whatever_is_noticed) {
  open();
  fail(fault_code::sink_unavailable);
  brain_.notice(1'000'000, now_);
  const auto a = next();
  ASSERT_EQ(a.step, sink_step::wait);
  EXPECT_LE(a.until_ns, now_ + 100 * ms);
}

TEST_F(brain, fails_often_opens_the_circuit_and_lets_go_of_the_block) {
  open();
  open_the_circuit();
  EXPECT_FALSE(brain_.holds_block());
  wait_it_out();
  EXPECT_EQ(step(), sink_step::open);
}

TEST_F(brain, opens_after_an_outage_probes_with_a_small_batch_and_closes_the_circuit) {
  open_the_circuit();
  wait_it_out();
  open();
  EXPECT_EQ(brain_.circuit(), circuit_state::half_open);
  EXPECT_EQ(next().records, policy_.probe_records);
  brain_.delivered(policy_.probe_records, false, 1 * ms, now_);
  EXPECT_EQ(brain_.circuit(), circuit_state::closed);
  EXPECT_EQ(step(), sink_step::deliver) << "the backlog flows on";
  EXPECT_EQ(next().records, policy_.batch_records);
}

TEST_F(brain, fails_its_probe_opens_the_circuit_again_and_backs_off_further) {
  open_the_circuit();
  const auto failures = brain_.failures();
  wait_it_out();
  open();
  fail(fault_code::sink_unavailable);
  EXPECT_EQ(brain_.circuit(), circuit_state::open);
  EXPECT_EQ(brain_.failures(), failures + 1);
  EXPECT_FALSE(brain_.holds_block());
}

TEST_F(brain, finds_nothing_to_probe_with_closes_the_circuit) {
  open_the_circuit();
  wait_it_out();
  open();
  brain_.found_nothing(now_);
  EXPECT_EQ(brain_.circuit(), circuit_state::closed);
}

TEST_F(brain, meets_a_day_of_outage_never_waits_longer_than_the_longest_backoff) {
  const std::uint64_t end = now_ + 86'400 * s;
  int tries = 0;
  while (now_ < end) {
    const auto a = next();
    if (a.step == sink_step::wait) {
      ASSERT_LE(a.until_ns, now_ + 30 * s);
      now_ = a.until_ns;
      continue;
    }
    ++tries;
    fail(fault_code::sink_unavailable);
  }
  EXPECT_GT(tries, 86'400 / 30);
  EXPECT_LT(tries, 86'400 / 5);
}

TEST_F(brain, meets_a_permanent_fault_stops_until_somebody_resumes_it) {
  for (const auto code :
       {fault_code::sink_rejected, fault_code::storage_damaged, fault_code::foreign_spool,
        fault_code::position_beyond_end, fault_code::config_invalid}) {
    open();
    fail(code);
    EXPECT_TRUE(brain_.is_stopped());
    EXPECT_EQ(brain_.circuit(), circuit_state::open);
    now_ += 10'000 * s;
    brain_.notice(1, now_);
    EXPECT_EQ(step(), sink_step::stopped);
    brain_.resume(now_);
    EXPECT_EQ(step(), sink_step::open);
  }
}

TEST_F(brain, is_idle_removes_old_rows_every_so_often_until_there_are_none) {
  open_and_catch_up();
  for (std::uint64_t waited = 0; step() != sink_step::retain; ++waited) {
    ASSERT_LT(waited, 20U);
    if (step() == sink_step::deliver) brain_.found_nothing(now_);
    wait_it_out();
  }
  EXPECT_EQ(now_, 1010 * s);
  brain_.retained(8192, now_);
  brain_.found_nothing(now_);
  EXPECT_EQ(step(), sink_step::retain);
  brain_.retained(0, now_);
  EXPECT_NE(step(), sink_step::retain);
}

TEST_F(brain, catches_up_removes_and_writes_in_turns) {
  open();
  int removals = 0;
  for (int batch = 0; batch < 100; ++batch) {
    ASSERT_EQ(step(), sink_step::deliver) << batch;
    now_ += 10 * ms;
    brain_.delivered(policy_.batch_records, true, 10 * ms, now_);
    if (step() == sink_step::retain) {
      ++removals;
      brain_.retained(8192, now_);
    }
  }
  EXPECT_GT(removals, 80) << "one for each batch once the database is full";
}

TEST_F(brain, cannot_remove_rows_goes_on_writing) {
  open();
  brain_.delivered(policy_.retain_records, true, 10 * ms, now_);
  ASSERT_EQ(step(), sink_step::retain);
  fail(fault_code::sink_unavailable);
  EXPECT_FALSE(brain_.holds_block());
  wait_it_out();
  EXPECT_EQ(step(), sink_step::deliver);
}

TEST(remedy_for, every_fault_of_the_catalogue_has_one_and_nothing_permanent_but_a_bug_is_retried) {
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto code = static_cast<fault_code>(i);
    const bool is_permanent = describe(code).cls == fault_class::permanent;
    if (is_permanent && code != fault_code::internal) {
      EXPECT_EQ(remedy_for(code), remedy::stop) << describe(code).name;
    }
  }
  EXPECT_EQ(remedy_for(fault_code::sink_unavailable), remedy::retry);
  EXPECT_EQ(remedy_for(fault_code::sink_lost), remedy::reopen);
  EXPECT_EQ(remedy_for(fault_code::internal), remedy::reopen);
}

TEST_F(brain, is_paused_does_nothing_until_resume_and_keeps_its_block) {
  open_and_catch_up();
  brain_.notice(policy_.batch_records, now_);
  ASSERT_EQ(step(), sink_step::deliver);
  brain_.failed(sink_step::deliver, fault_code::sink_unavailable, now_);
  ASSERT_TRUE(brain_.holds_block());
  brain_.pause();
  now_ += 1000 * s;
  brain_.notice(policy_.batch_records, now_);
  EXPECT_EQ(step(), sink_step::stopped);
  EXPECT_TRUE(brain_.is_paused());
  EXPECT_FALSE(brain_.is_stopped());
  brain_.resume(now_);
  EXPECT_EQ(step(), sink_step::rewrite);
}

TEST_F(brain, went_back_opens_again_and_drops_its_block) {
  open_and_catch_up();
  brain_.notice(policy_.batch_records, now_);
  brain_.failed(sink_step::deliver, fault_code::sink_unavailable, now_);
  brain_.rewound(now_);
  EXPECT_FALSE(brain_.is_running());
  open();
  EXPECT_EQ(step(), sink_step::deliver);
}

}  // namespace
}  // namespace fleetgate::sink
