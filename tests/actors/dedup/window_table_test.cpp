#include "actors/dedup/window_table.hpp"

#include "tests/actors/dedup/dedup_fixture.hpp"

namespace fleetgate::dedup {
namespace {

owned_envelope of_device(int n, std::uint64_t sequence) {
  auto m = in_epoch(1, sequence);
  m.device = "device-" + std::to_string(n);
  return m;
}

class few_windows : public dedup_test {
 protected:
  few_windows() : dedup_test({.window_bytes = 20'000}) {}
  void expect_duplicate(const owned_envelope& o) {
    answers();
    EXPECT_FALSE(pass(o)) << o.device;
    EXPECT_EQ(only_answer().result, outcome::duplicate) << o.device;
  }
};

TEST_F(few_windows, cold_ones_leave_memory_and_are_found_again) {
  for (int n = 0; n < 1000; ++n) {
    ASSERT_TRUE(pass(of_device(n, 7)));
    if (brain_->snapshot_due()) take_snapshot();
    ASSERT_LE(counted().window_bytes, limits_.window_bytes);
  }
  EXPECT_EQ(counted().windows_refused, 0u);
  EXPECT_EQ(counted().windows + counted().cold_windows, 1000u);
  take_snapshot();
  for (int n = 0; n < 1000; ++n) {
    ASSERT_FALSE(pass(of_device(n, 7))) << n;
    ASSERT_LE(counted().window_bytes, limits_.window_bytes);
  }
}

/// Over HTTP and the native protocol, and everybody at the end of a drain.
TEST_F(few_windows, without_a_snapshot_who_does_not_wait_is_told_to_come_again) {
  int n = 0;
  for (; pass(of_device(n, 7)); ++n) answers();
  EXPECT_LE(counted().window_bytes, limits_.window_bytes);
  const auto told = answers().back();
  EXPECT_EQ(told.result, outcome::refused);
  EXPECT_EQ(told.fault, fault_code::server_busy);
  EXPECT_EQ(counted().windows_refused, 0u);
  auto unowed = of_device(n, 7);
  unowed.e.level = model::ack_level::none;
  unowed.e.qos = 0;
  EXPECT_TRUE(pass(unowed)) << "nobody will send it again";
  expect_duplicate(of_device(0, 7));
  take_snapshot();
  EXPECT_TRUE(pass(of_device(n, 7)));
  expect_duplicate(of_device(n, 7));
}

TEST_F(few_windows, a_new_device_waits_until_some_are_stored) {
  const auto waiting = [](int n) {
    auto m = of_device(n, 7);
    m.e.waits_for_room = true;
    return m;
  };
  int n = 0;
  auto ticket = decide(waiting(n));
  for (; ticket != dedup::no_room; ticket = decide(waiting(++n))) settle(*ticket);
  EXPECT_FALSE(brain_->has_windows(model::traffic_class::telemetry));
  EXPECT_TRUE(brain_->has_windows(model::traffic_class::control)) << "it does not wait";
  EXPECT_TRUE(brain_->snapshot_due());
  EXPECT_FALSE(pass(of_device(0, 7))) << "who has one is known";
  take_snapshot();
  EXPECT_TRUE(brain_->has_windows(model::traffic_class::telemetry));
  ticket = decide(waiting(n));
  ASSERT_NE(ticket, dedup::no_room);
  settle(*ticket);
  EXPECT_FALSE(pass(waiting(n)));
  EXPECT_EQ(counted().windows_refused, 0u);
}

TEST_F(few_windows, a_store_that_fails_is_waited_for_and_not_for_ever) {
  const auto telemetry = model::traffic_class::telemetry;
  const auto waits = [this](int n) {
    auto m = of_device(n, 7);
    m.e.waits_for_room = true;
    return decide(m) == dedup::no_room;
  };
  const auto fail = [this] {
    std::vector<contract::state_change> changes;
    brain_->snapshot(changes);
    brain_->snapshot_stored(false);
  };
  for (int n = 0; n < 1000; ++n) pass(of_device(n, 7));
  const auto before = counted().windows_refused;
  fail();
  EXPECT_TRUE(waits(1000)) << "a device that comes after the failure";
  EXPECT_FALSE(brain_->has_windows(telemetry));
  brain_->on_time(now_);
  for (std::uint64_t passed : {std::uint64_t{0}, store_patience_ns - 1}) {
    fail();
    brain_->on_time(now_ + passed);
    EXPECT_FALSE(brain_->has_windows(telemetry)) << "it is as full as before";
    EXPECT_TRUE(waits(1000)) << passed;
  }
  EXPECT_TRUE(brain_->has_windows(model::traffic_class::heartbeat));
  EXPECT_FALSE(pass(of_device(1001, 7))) << "who does not wait is told to come again";
  brain_->on_time(now_ + store_patience_ns);
  EXPECT_TRUE(brain_->has_windows(telemetry));
  EXPECT_FALSE(waits(1000));
  fail();
  EXPECT_FALSE(waits(1002)) << "once it is given up, nobody waits for it again";
  EXPECT_EQ(counted().windows_refused, before + 2);
}

TEST_F(few_windows, a_store_that_is_well_again_is_waited_for_anew) {
  for (int n = 0; n < 1000; ++n) pass(of_device(n, 7));
  std::vector<contract::state_change> changes;
  brain_->snapshot(changes);
  brain_->snapshot_stored(false);
  brain_->on_time(now_);
  brain_->on_time(now_ + store_patience_ns);
  take_snapshot();
  EXPECT_FALSE(brain_->store_fails());
  for (int n = 1000; n < 2000; ++n) {
    auto m = of_device(n, 7);
    m.e.waits_for_room = true;
    const auto ticket = decide(m);
    if (ticket == dedup::no_room) break;
    settle(*ticket);
  }
  EXPECT_FALSE(brain_->has_windows(model::traffic_class::telemetry));
  brain_->snapshot(changes);
  brain_->snapshot_stored(false);
  brain_->on_time(now_ + 2 * store_patience_ns);
  EXPECT_FALSE(brain_->has_windows(model::traffic_class::telemetry)) << "this failure is young";
}

TEST_F(few_windows, many_dirty_ones_hide_no_clean_one) {
  int n = 0;
  while (counted().window_bytes < limits_.window_bytes / 8 * 7) pass(of_device(n++, 7));
  take_snapshot();
  for (int again = 1; again < n; ++again) pass(of_device(again, 8));  // all dirty but the first
  while (pass(of_device(n, 7))) ++n;
  EXPECT_EQ(counted().cold_windows, 1u) << "the first has left";
}

// The store is ahead of what it covers then: the records are read again, and change nothing.
TEST_F(few_windows, a_start_reads_records_of_more_devices_than_memory_holds) {
  std::vector<owned_envelope> sent;
  for (int n = 0; n < 1000; ++n) sent.push_back(of_device(n, 7));
  for (int starts = 0; starts < 2; ++starts) {
    restart();
    for (std::uint64_t n = 0; n < sent.size(); ++n) {
      contract::stored_record r;
      r.envelope = sent[n].view();
      r.at = {1, n + 1};
      brain_->recover(r, n / 10 * 10);  // ten a group
      ASSERT_LE(counted().window_bytes, limits_.window_bytes);
    }
    EXPECT_EQ(counted().windows_refused, 0u);
    EXPECT_TRUE(brain_->belong_to(*spool_));
  }
  for (const auto& again : sent) {
    ASSERT_FALSE(pass(again)) << again.device;
    if (brain_->snapshot_due()) take_snapshot();
  }
}

TEST_F(few_windows, what_may_still_be_lost_is_not_stored_while_a_start_reads) {
  for (int n = 0; n < 1000; ++n) {
    const auto sent = of_device(n, 7);
    contract::stored_record r;
    r.envelope = sent.view();
    r.at = {1, static_cast<std::uint64_t>(n) + 1};
    brain_->recover(r, 20);
  }
  EXPECT_EQ(store_.tables[std::string(windows_table_name)].size(), 20u);
}

TEST_F(few_windows, a_start_whose_store_fails_does_not_forget_and_go_on) {
  store_.applies_left = 1;
  for (int n = 0; n < 1000; ++n) {
    const auto sent = of_device(n, 7);
    contract::stored_record r;
    r.envelope = sent.view();
    r.at = {1, static_cast<std::uint64_t>(n) + 1};
    brain_->recover(r, r.at.lsn);
  }
  store_.applies_left = -1;
  EXPECT_EQ(brain_->belong_to(*spool_).error().code, fault_code::storage_io);
}

TEST_F(few_windows, one_that_the_store_does_not_give_is_not_overwritten) {
  for (int n = 0; n < 1000; ++n) {
    pass(of_device(n, 7));
    if (brain_->snapshot_due()) take_snapshot();
  }
  take_snapshot();
  store_.broken = true;
  EXPECT_TRUE(pass(of_device(0, 7))) << "kept, as nothing is known about it now";
  EXPECT_EQ(counted().cold_faults, 1u);
  take_snapshot();
  store_.broken = false;
  expect_duplicate(of_device(0, 7));
}

TEST_F(few_windows, a_large_one_comes_in_among_small_ones) {
  auto large = message(0);
  large.device = "large";
  for (std::uint64_t n = 0; n < 300; ++n) {
    large.e.sequence = 2 * n;
    ASSERT_TRUE(pass(large));
  }
  take_snapshot();
  int n = 0;
  while (brain_->counters().cold_windows == 0) {
    ASSERT_TRUE(pass(of_device(n++, 7)));
    if (brain_->snapshot_due()) take_snapshot();
  }
  while (counted().window_bytes < limits_.window_bytes - 300) {
    ASSERT_TRUE(pass(of_device(n++, 7)));
  }
  take_snapshot();
  expect_duplicate(large);
}

TEST_F(few_windows, a_failed_snapshot_lets_nothing_leave) {
  for (int n = 0; n < 1000; ++n) {
    pass(of_device(n, 7));
    if (!brain_->snapshot_due()) continue;
    std::vector<contract::state_change> changes;
    brain_->snapshot(changes);
    brain_->snapshot_stored(false);
  }
  expect_duplicate(of_device(0, 7));
  take_snapshot();
  for (int n = 1000; n < 1100; ++n) pass(of_device(n, 7));
  expect_duplicate(of_device(0, 7));  // the rows that failed came again
}

TEST_F(few_windows, what_a_snapshot_has_taken_stays_until_it_is_safe) {
  pass(of_device(0, 7));
  std::vector<contract::state_change> changes;
  brain_->snapshot(changes);
  for (int n = 1; n < 1000; ++n) pass(of_device(n, 7));
  expect_duplicate(of_device(0, 7));
  brain_->snapshot_stored(false);
  expect_duplicate(of_device(0, 7));
}

TEST_F(few_windows, the_store_is_not_asked_while_it_holds_none) {
  for (int n = 0; n < 20; ++n) pass(of_device(n, 7));
  EXPECT_EQ(store_.gets, 0);
}

TEST_F(few_windows, a_broken_store_costs_recognition_and_never_a_message) {
  for (int n = 0; n < 1000; ++n) {
    pass(of_device(n, 7));
    if (brain_->snapshot_due()) take_snapshot();
  }
  take_snapshot();
  store_.broken = true;
  EXPECT_TRUE(pass(of_device(0, 7)));
  EXPECT_TRUE(pass(of_device(0, 8)));
  EXPECT_TRUE(pass(of_device(0, 8))) << "what the store has of it must not be overwritten";
  EXPECT_EQ(counted().cold_faults, 3u);
}

TEST_F(few_windows, a_restart_loads_what_fits_and_leaves_the_rest_cold) {
  for (int n = 0; n < 1000; ++n) {
    pass(of_device(n, 7));
    if (brain_->snapshot_due()) take_snapshot();
  }
  take_snapshot();
  restart();
  EXPECT_LE(counted().window_bytes, limits_.window_bytes);
  EXPECT_EQ(counted().windows + counted().cold_windows, 1000u);
  for (int n = 0; n < 1000; ++n) ASSERT_FALSE(pass(of_device(n, 7))) << n;
}

class few_windows_without_store : public dedup_test {
 protected:
  few_windows_without_store() : dedup_test({.window_bytes = 20'000}, false) {}
};

TEST_F(few_windows_without_store, idle_ones_are_forgotten_before_busy_ones) {
  for (int n = 0; n < 1000; ++n) {
    ASSERT_TRUE(pass(of_device(n, 7)));
    if (n == 0) continue;
    ASSERT_FALSE(pass(of_device(0, 7))) << "in use all the time, at " << n;
  }
  EXPECT_GT(counted().windows_forgotten, 0u);
  EXPECT_LE(counted().window_bytes, limits_.window_bytes);
}

TEST_F(few_windows_without_store, what_is_pending_is_never_forgotten) {
  const auto ticket = decide(of_device(0, 7));
  for (int n = 1; n < 1000; ++n) pass(of_device(n, 7));
  answers();
  EXPECT_FALSE(decide(of_device(0, 7)));
  settle(*ticket);
  EXPECT_EQ(answers().size(), 2u);
}

}  // namespace
}  // namespace fleetgate::dedup
