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

TEST_F(few_windows, without_a_snapshot_new_devices_are_kept_without_one) {
  for (int n = 0; n < 1000; ++n) ASSERT_TRUE(pass(of_device(n, 7)));
  EXPECT_LE(counted().window_bytes, limits_.window_bytes);
  EXPECT_GT(counted().windows_refused, 0u);
  EXPECT_FALSE(pass(of_device(0, 7))) << "what is not stored yet may not leave";
  EXPECT_TRUE(pass(of_device(999, 7))) << "kept: nothing is known about it";
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
  EXPECT_TRUE(pass(of_device(1001, 7))) << "who does not wait";
  EXPECT_EQ(counted().windows_refused, before + 1);
  brain_->on_time(now_ + store_patience_ns);
  EXPECT_TRUE(brain_->has_windows(telemetry));
  EXPECT_FALSE(waits(1000));
  fail();
  EXPECT_FALSE(waits(1002)) << "once it is given up, nobody waits for it again";
  EXPECT_EQ(counted().windows_refused, before + 3);
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
  while (counted().windows_refused == 0) ASSERT_TRUE(pass(of_device(n++, 7)));
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
      brain_->recover(r);
      ASSERT_LE(counted().window_bytes, limits_.window_bytes);
    }
    EXPECT_EQ(counted().windows_refused, 0u);
  }
  for (const auto& again : sent) {
    ASSERT_FALSE(pass(again)) << again.device;
    if (brain_->snapshot_due()) take_snapshot();
  }
}

TEST_F(few_windows, a_failed_snapshot_lets_nothing_leave) {
  for (int n = 0; n < 1000; ++n) {
    pass(of_device(n, 7));
    if (!brain_->snapshot_due()) continue;
    std::vector<contract::state_change> changes;
    brain_->snapshot(changes);
    brain_->snapshot_stored(false);
  }
  EXPECT_FALSE(pass(of_device(0, 7)));
  take_snapshot();
  for (int n = 1000; n < 1100; ++n) pass(of_device(n, 7));
  EXPECT_FALSE(pass(of_device(0, 7))) << "the rows that failed came again";
}

TEST_F(few_windows, what_a_snapshot_has_taken_stays_until_it_is_safe) {
  pass(of_device(0, 7));
  std::vector<contract::state_change> changes;
  brain_->snapshot(changes);
  for (int n = 1; n < 1000; ++n) pass(of_device(n, 7));
  EXPECT_FALSE(pass(of_device(0, 7)));
  brain_->snapshot_stored(false);
  EXPECT_FALSE(pass(of_device(0, 7)));
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
  EXPECT_FALSE(pass(of_device(0, 8)));
  EXPECT_GT(counted().cold_faults, 0u);
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
