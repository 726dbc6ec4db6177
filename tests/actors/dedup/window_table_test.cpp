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
