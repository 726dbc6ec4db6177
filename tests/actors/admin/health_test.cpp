#include "actors/admin/health.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace fleetgate::admin {
namespace {

using namespace std::chrono_literals;

constexpr health::time_point start{1h};

TEST(health, a_node_is_not_ready_before_its_start_up_has_finished) {
  health h;
  const auto before = h.ready();
  EXPECT_FALSE(before.passed);
  ASSERT_EQ(before.failing.size(), 1u);
  EXPECT_EQ(before.failing[0].name, "startup");
  h.startup_finished();
  EXPECT_TRUE(h.ready().passed);
}

TEST(health, a_node_that_starts_is_alive) {
  EXPECT_TRUE(health().live(start).passed);
}

TEST(health, draining_and_a_full_spool_make_it_unready_but_not_dead) {
  health h;
  h.startup_finished();
  h.set("spool", health_state::unready, "the spool is full");
  h.draining("SIGTERM");
  const auto r = h.ready();
  EXPECT_FALSE(r.passed);
  ASSERT_EQ(r.failing.size(), 2u);
  EXPECT_EQ(r.failing[0].name, "drain");
  EXPECT_EQ(r.failing[0].reason, "SIGTERM");
  EXPECT_EQ(r.failing[1].name, "spool");
  EXPECT_TRUE(h.live(start).passed);
  h.set("spool", health_state::good);
  EXPECT_EQ(h.ready().failing.size(), 1u);
}

TEST(health, one_sinks_outage_is_shown_but_devices_may_come) {
  health h;
  h.startup_finished();
  h.set("sink.fleet", health_state::degraded, "connection refused");
  const auto r = h.ready();
  EXPECT_TRUE(r.passed);
  ASSERT_EQ(r.all.size(), 2u);
  EXPECT_EQ(r.all[0].name, "sink.fleet");
  EXPECT_EQ(r.all[0].reason, "connection refused");
}

TEST(health, a_dead_condition_fails_both) {
  health h;
  h.startup_finished();
  h.set("journal", health_state::dead, "its thread ended");
  EXPECT_FALSE(h.ready().passed);
  const auto r = h.live(start);
  EXPECT_FALSE(r.passed);
  EXPECT_EQ(r.failing.at(0).reason, "its thread ended");
}

TEST(health, a_heartbeat_older_than_ten_seconds_is_death) {
  health h;
  h.beat("shard.0", start);
  h.beat("journal", start);
  EXPECT_TRUE(h.live(start + 10s).passed);
  h.beat("journal", start + 5s);
  const auto r = h.live(start + 10s + 1ns);
  EXPECT_FALSE(r.passed);
  ASSERT_EQ(r.failing.size(), 1u);
  EXPECT_EQ(r.failing[0].name, "heartbeat.shard.0");
  EXPECT_EQ(r.failing[0].reason, "no heartbeat for 10 s");
  h.beat("shard.0", start + 11s);
  EXPECT_TRUE(h.live(start + 12s).passed);
}

TEST(health, a_unit_that_ended_as_it_should_need_not_beat) {
  health h;
  h.beat("sink.fleet", start);
  h.forget("sink.fleet");
  h.forget("never known");
  EXPECT_TRUE(h.live(start + 1h).passed);
}

TEST(health, a_beat_from_the_future_is_no_death) {
  health h;
  h.beat("shard.0", start + 1s);  // read on another thread just after `now`
  EXPECT_TRUE(h.live(start).passed);
}

TEST(health, all_threads_may_use_it_at_once) {
  health h;
  std::thread beats([&] {
    for (int i = 0; i < 5000; ++i) h.beat("shard.0", start + std::chrono::milliseconds(i));
  });
  std::thread sets([&] {
    for (int i = 0; i < 5000; ++i) h.set("spool", health_state::good, std::to_string(i));
  });
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(h.live(start).passed);
  beats.join();
  sets.join();
  EXPECT_EQ(h.ready().all.at(0).reason, "4999");
}

}  // namespace
}  // namespace fleetgate::admin
