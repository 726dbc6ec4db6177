#include <algorithm>

#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

class spool_test : public spool_fixture {};

TEST_F(spool_test, owed_record_settles_only_after_its_sync) {
  open();
  append(1);
  EXPECT_TRUE(fates.empty());
  EXPECT_TRUE(brain->has_pending());
  const auto syncs = files.count(disk_op::sync);
  commit();
  EXPECT_EQ(files.count(disk_op::sync), syncs + 1);
  EXPECT_TRUE(stored(1));
  EXPECT_EQ(fates[1].at, (model::position{1, 1}));
  EXPECT_FALSE(brain->has_pending());
}

TEST_F(spool_test, one_commit_of_one_lane_is_one_write_and_one_sync) {
  open();
  append(1);
  commit();
  const auto writes = files.count(disk_op::write);
  const auto syncs = files.count(disk_op::sync);
  for (std::uint64_t n = 2; n < 50; ++n) append(n);
  commit();
  EXPECT_EQ(files.count(disk_op::write), writes + 1);
  EXPECT_EQ(files.count(disk_op::sync), syncs + 1);
}

TEST_F(spool_test, commit_syncs_control_before_telemetry) {
  open();
  append(1, traffic_class::telemetry);
  append(2, traffic_class::control);
  std::vector<std::string> synced;
  files.before = [&](disk_op op, const std::string& path) -> std::optional<fault_code> {
    if (op == disk_op::sync) synced.push_back(path);
    return std::nullopt;
  };
  commit();
  ASSERT_EQ(synced.size(), 2U);
  EXPECT_NE(synced[0].find("/control/"), std::string::npos);
  EXPECT_NE(synced[1].find("/telemetry/"), std::string::npos);
}

TEST_F(spool_test, page_cache_keeps_the_tail_of_a_lane_and_nothing_of_closed_segments) {
  options = options_with(256 << 20, 12 << 20);
  payload_size = 1 << 20;
  open();
  for (std::uint64_t n = 1; n <= 16; ++n) {
    append(n);
    commit();
  }
  const auto segments = files.paths("/telemetry/");
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(files.forgotten(segments[0]), files.bytes(segments[0]).size());
  const auto tail = files.bytes(segments[1]).size() - files.forgotten(segments[1]);
  EXPECT_GE(tail, 4u << 20);
  EXPECT_LT(tail, 6u << 20);
}

TEST_F(spool_test, free_record_settles_when_written_and_is_read_after_its_sync) {
  open();
  append(1, traffic_class::telemetry, ack_level::none);
  const auto syncs = files.count(disk_op::sync);
  commit();
  EXPECT_TRUE(stored(1));
  EXPECT_EQ(files.count(disk_op::sync), syncs);
  EXPECT_TRUE(read_all().numbers.empty());
  ASSERT_TRUE(brain->next_deadline_ns());
  EXPECT_EQ(*brain->next_deadline_ns(), now_ns + 200 * ms);
  commit(now_ns + 200 * ms);
  EXPECT_EQ(files.count(disk_op::sync), syncs + 1);
  EXPECT_EQ(read_all().numbers, std::vector<std::uint64_t>{1});
  EXPECT_FALSE(brain->next_deadline_ns());
}

TEST_F(spool_test, free_lane_is_synced_once_enough_bytes_wait) {
  options.free_sync_bytes = 10'000;
  open();
  for (std::uint64_t n = 1; n <= 100; ++n) append(n, traffic_class::event, ack_level::received);
  commit();
  EXPECT_EQ(read_all().numbers.size(), 100U);
}

TEST_F(spool_test, close_makes_free_lanes_durable_too) {
  open();
  append(1, traffic_class::telemetry, ack_level::none);
  ASSERT_TRUE(brain->close(now_ns, settled));
  note();
  EXPECT_TRUE(stored(1));
  files.cut_power();
  open();
  EXPECT_EQ(numbers(visited), std::vector<std::uint64_t>{1});
}

/// Batches that are charged to a memory budget.
class spool_charge_test : public spool_fixture {
 protected:
  static constexpr std::size_t charged = 500;

  struct item {
    std::uint64_t number = 0;
    ack_level level = ack_level::durable;
    model::record_kind kind = model::record_kind::message;
  };
  /// One batch of telemetry; the payloads go when this returns.
  void append_batch(const std::vector<item>& items) {
    std::vector<std::string> payloads(items.size());
    contract::append_request request;
    request.batch = std::make_unique<contract::envelope_batch>();
    for (std::uint32_t i = 0; i < items.size(); ++i) {
      auto e = envelope(items[i].number, traffic_class::telemetry, items[i].level, payloads[i]);
      e.kind = items[i].kind;
      request.batch->envelopes.push_back(e);
      request.items.push_back({i, items[i].number});
    }
    ASSERT_TRUE(memory.take(traffic_class::telemetry, charged));
    request.batch->charge = {memory, traffic_class::telemetry, charged};
    brain->append(request, settled);
    note();
  }
  void fail_writes_to(const std::string& part) {
    files.before = [part](disk_op op, const std::string& path) -> std::optional<fault_code> {
      const bool hit = op == disk_op::write || op == disk_op::create;
      if (hit && path.find(part) != std::string::npos) return fault_code::storage_full;
      return std::nullopt;
    };
  }

  runtime::memory_budget memory{1 << 20};
};

TEST_F(spool_charge_test, memory_charge_is_kept_until_the_group_is_written) {
  open();
  append_batch({{1}});
  EXPECT_EQ(memory.used(), charged);
  commit();
  EXPECT_EQ(memory.used(), 0U);
}

TEST_F(spool_charge_test, lane_that_fails_holds_the_charges_of_its_own_batches_only) {
  open();
  fail_writes_to("/telemetry-free/");
  append_batch({{1, ack_level::none}});
  for (std::uint64_t n = 2; n <= 50; ++n) {
    append_batch({{n}});
    commit();
    EXPECT_TRUE(stored(n));
    EXPECT_EQ(memory.used(), charged) << "of message 1 alone";
  }
  files.before = nullptr;
  commit(*brain->next_deadline_ns());
  EXPECT_TRUE(stored(1));
  EXPECT_EQ(memory.used(), 0U);
}

TEST_F(spool_charge_test, charge_of_a_batch_goes_with_the_last_of_its_lanes) {
  for (const std::string failing : {"/telemetry/", "/telemetry-free/", "/quarantine/"}) {
    SCOPED_TRACE(failing);
    files = {};
    fates.clear();
    open();
    fail_writes_to(failing);
    append_batch(
        {{1}, {2, ack_level::received}, {3, ack_level::durable, model::record_kind::quarantined}});
    commit();
    EXPECT_EQ(memory.used(), charged);
    files.before = nullptr;
    commit(*brain->next_deadline_ns() + 5000 * ms);
    EXPECT_TRUE(stored(1) && stored(2) && stored(3));
    EXPECT_EQ(memory.used(), 0U);
    brain.reset();
  }
}

TEST_F(spool_charge_test, refused_batch_gives_its_charge_back_at_once) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  std::uint64_t n = 1;
  for (; !refused(n - 1); ++n) append(n);
  append_batch({{n}});
  EXPECT_TRUE(refused(n));
  EXPECT_EQ(memory.used(), 0U);
}

TEST_F(spool_charge_test, written_free_records_hold_no_charge_while_they_wait_for_their_sync) {
  open();
  append_batch({{1, ack_level::none}});
  commit();
  EXPECT_TRUE(stored(1));
  EXPECT_EQ(memory.used(), 0U);
}

TEST_F(spool_test, committed_record_waits_for_every_required_reader) {
  open();
  ASSERT_TRUE(brain->register_reader("a", true, {}));
  ASSERT_TRUE(brain->register_reader("b", true, {}));
  ASSERT_TRUE(brain->register_reader("c", false, {}));
  append(1, traffic_class::event, ack_level::committed);
  append(2, traffic_class::event, ack_level::durable);
  commit();
  EXPECT_FALSE(stored(1));
  EXPECT_TRUE(stored(2));
  const auto end = read_all().end;
  advance("a", end);
  EXPECT_FALSE(stored(1));
  advance("b", end);
  EXPECT_TRUE(stored(1));
}

TEST_F(spool_test, committed_record_without_a_required_reader_settles_as_durable) {
  open();
  ASSERT_TRUE(brain->register_reader("a", false, {}));
  append(1, traffic_class::event, ack_level::committed);
  commit();
  EXPECT_TRUE(stored(1));
}

TEST_F(spool_test, committed_record_settles_when_its_last_required_reader_is_gone_for_good) {
  open();
  ASSERT_TRUE(brain->register_reader("a", true, {}));
  append(1, traffic_class::event, ack_level::committed);
  commit();
  EXPECT_FALSE(stored(1));
  brain->unregister_reader("a", settled);
  note();
  EXPECT_TRUE(stored(1));
}

TEST_F(spool_test, text_or_payload_beyond_its_limit_is_refused) {
  open();
  std::string payload;
  auto e = envelope(1, traffic_class::event, ack_level::durable, payload);
  const std::string text(model::max_text_bytes + 1, 'x');
  e.attributes = text;
  append(1, e);
  EXPECT_TRUE(refused(1));
  EXPECT_EQ(fates[1].fault, fault_code::packet_too_large);
  payload_size = max_payload_bytes + 1;
  append(2);
  EXPECT_EQ(fates[2].fault, fault_code::packet_too_large);
  payload_size = max_payload_bytes;
  options.budget_bytes = std::uint64_t{1} << 30;
  open();
  append(3);
  commit();
  EXPECT_TRUE(stored(3));
  EXPECT_EQ(read_all().numbers, std::vector<std::uint64_t>{3});
}

TEST_F(spool_test, full_budget_refuses_telemetry_and_keeps_room_for_every_other_class) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  std::uint64_t n = 1;
  for (; !refused(n - 1); ++n) {
    append(n, traffic_class::telemetry);
    commit();
    ASSERT_LT(n, 10000U);
  }
  EXPECT_EQ(fates[n - 1].fault, fault_code::spool_budget_full);
  EXPECT_LE(brain->stats().used_bytes, 256U * 1024 * 11 / 16);
  std::uint64_t events = 0, heartbeats = 0, controls = 0;
  for (++n; !refused(n - 1) || events == 0; ++n, ++events) {
    append(n, traffic_class::event);
    commit();
  }
  for (; !refused(n - 1) || heartbeats == 0; ++n, ++heartbeats) {
    append(n, traffic_class::heartbeat);
    commit();
  }
  for (; !refused(n - 1) || controls == 0; ++n, ++controls) {
    append(n, traffic_class::control);
    commit();
  }
  EXPECT_GT(events, 25U);
  EXPECT_GT(heartbeats, 50U);
  EXPECT_GT(controls, 50U);
  EXPECT_LE(brain->stats().used_bytes, 256U * 1024);
  // No durable promise was broken to make room.
  const auto all = read_all().numbers;
  for (const auto& [ticket, fate] : fates) {
    const bool there = std::find(all.begin(), all.end(), ticket) != all.end();
    EXPECT_EQ(there, fate.stored) << ticket;
  }
}

TEST_F(spool_test, commits_what_is_urgent_alone_where_asked) {
  open();
  append(1, traffic_class::telemetry);
  EXPECT_FALSE(brain->has_mixed_pending());
  append(2, traffic_class::control);
  append(3, traffic_class::heartbeat);
  EXPECT_TRUE(brain->has_mixed_pending());
  brain->commit(now_ns, settled, commit_part::urgent);
  note();
  EXPECT_TRUE(stored(2));
  EXPECT_TRUE(stored(3));
  EXPECT_EQ(fates.count(1), 0U);
  EXPECT_TRUE(brain->has_pending());
  EXPECT_FALSE(brain->has_mixed_pending());
  commit();
  EXPECT_TRUE(stored(1));
}

TEST_F(spool_test, makes_room_from_what_nobody_was_promised_and_says_where_there_is_none) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  const std::uint64_t share = 256 * 1024 * 11 / 16;
  const std::uint64_t wanted = 32 * 1024;
  std::uint64_t n = 1;
  for (; brain->stats().used_bytes < share / 2; ++n) {
    append(n, traffic_class::telemetry, n % 2 == 0 ? ack_level::durable : ack_level::none);
    commit(n * 300 * ms);
  }
  for (; brain->stats().used_bytes + wanted <= share; ++n) {
    append(n);
    commit(n * 300 * ms);
  }
  brain->set_snapshot_floor(brain->last_lsn());
  EXPECT_TRUE(brain->make_room(traffic_class::telemetry, wanted));
  const auto& shed = brain->counts()[model::index(lane::telemetry_free)].shed_records;
  EXPECT_GT(shed, 0U);
  while (brain->make_room(traffic_class::telemetry, wanted)) {
    append(++n);
    commit(n * 300 * ms);
    brain->set_snapshot_floor(brain->last_lsn());
  }
  EXPECT_FALSE(refused(n));
  EXPECT_TRUE(brain->make_room(traffic_class::control, wanted)) << "it has a share of its own";
  EXPECT_TRUE(read_all().numbers.size() + shed >= n - 1) << "nothing owed was displaced";
}

TEST_F(spool_test, asks_for_a_snapshot_before_it_is_full) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  append(1);
  commit();
  EXPECT_FALSE(brain->wants_snapshot());
  std::uint64_t n = 2;
  for (; !brain->wants_snapshot(); ++n) {
    append(n);
    commit();
    ASSERT_TRUE(stored(n));
  }
  brain->set_snapshot_floor(brain->last_lsn());
  EXPECT_FALSE(brain->wants_snapshot()) << "it has one";
}

TEST_F(spool_test, a_flood_of_control_leaves_telemetry_its_least_share) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  std::uint64_t n = 1;
  for (; !refused(n - 1); ++n) {
    append(n, traffic_class::control);
    commit();
    ASSERT_LT(n, 10000U);
  }
  EXPECT_LE(brain->stats().used_bytes, 256U * 1024 * 12 / 16);
  append(n, traffic_class::telemetry);
  commit();
  EXPECT_TRUE(stored(n));
}

TEST_F(spool_test, only_what_a_required_reader_has_not_read_is_held) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  const auto held = [&] { return brain->stats().lanes[index(lane::telemetry_owed)].held_bytes; };
  std::uint64_t n = 1;
  for (; n <= 400; ++n) append(n);
  commit();
  EXPECT_EQ(held(), 0U);  // nobody requires it
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  EXPECT_EQ(held(), brain->stats().lanes[index(lane::telemetry_owed)].bytes);
  auto reader = make_reader(files, brain->view());
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1 << 20, 200));
  const auto all = held();
  advance("required", block.end);
  EXPECT_NEAR(static_cast<double>(held()), static_cast<double>(all) / 2,
              static_cast<double>(all) / 20);
  advance("required", read_all().end);
  EXPECT_EQ(held(), 0U);
}

TEST_F(spool_test, free_telemetry_goes_before_an_owed_record_is_refused) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  std::uint64_t n = 1;
  for (; n < 500; ++n) {
    append(n, traffic_class::telemetry, ack_level::none);
    commit(now_ns + 200 * ms);
  }
  brain->set_snapshot_floor(brain->last_lsn());
  for (; n < 700; ++n) {
    append(n, traffic_class::telemetry, ack_level::durable);
    commit();
    EXPECT_TRUE(stored(n));
  }
  commit(now_ns + 200 * ms);
  const auto stats = brain->stats();
  ASSERT_EQ(stats.readers.size(), 1U);
  EXPECT_GT(stats.readers[0].shed_records, 0U);
  const auto s = read_all();
  EXPECT_EQ(s.numbers.size() + stats.readers[0].shed_records, n - 1);
  EXPECT_EQ(brain->counts()[model::index(lane::telemetry_free)].shed_records,
            stats.readers[0].shed_records);
}

TEST_F(spool_test, segment_goes_only_when_every_reader_and_a_snapshot_are_beyond_it) {
  options = options_with(1 << 20, 8 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  ASSERT_TRUE(brain->register_reader("optional", false, {}));
  for (std::uint64_t n = 1; n <= 200; ++n) {
    append(n);
    commit();
  }
  const auto many = files.paths("/telemetry/").size();
  ASSERT_GT(many, 3U);
  const auto end = read_all().end;
  advance("required", end);
  brain->set_snapshot_floor(brain->last_lsn());
  EXPECT_EQ(files.paths("/telemetry/").size(), many);
  advance("optional", end);
  EXPECT_LT(files.paths("/telemetry/").size(), 2U);
}

TEST_F(spool_test, follower_holds_segments_but_alone_lets_none_go) {
  options = options_with(1 << 20, 8 * 1024);
  open();
  ASSERT_TRUE(brain->register_follower("follower", {}));
  for (std::uint64_t n = 1; n <= 200; ++n) {
    append(n);
    commit();
  }
  const auto many = files.paths("/telemetry/").size();
  const auto end = read_all().end;
  brain->set_snapshot_floor(brain->last_lsn());
  advance("follower", end);
  EXPECT_EQ(files.paths("/telemetry/").size(), many);
  ASSERT_TRUE(brain->register_reader("sink", false, {}));
  advance("sink", end);
  EXPECT_LT(files.paths("/telemetry/").size(), 2U);

  ASSERT_TRUE(brain->register_follower("follower", {}));
  for (std::uint64_t n = 201; n <= 400; ++n) {
    append(n);
    commit();
  }
  brain->set_snapshot_floor(brain->last_lsn());
  advance("sink", read_all().end);
  EXPECT_GE(files.paths("/telemetry/").size(), many);
}

TEST_F(spool_test, segment_stays_until_a_snapshot_covers_it) {
  options = options_with(1 << 20, 8 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  for (std::uint64_t n = 1; n <= 200; ++n) {
    append(n);
    commit();
  }
  const auto many = files.paths("/telemetry/").size();
  advance("required", read_all().end);
  EXPECT_EQ(files.paths("/telemetry/").size(), many);
  brain->set_snapshot_floor(100);
  const auto fewer = files.paths("/telemetry/").size();
  EXPECT_LT(fewer, many);
  EXPECT_GE(fewer, 2U);
}

TEST_F(spool_test, without_readers_everything_is_kept_until_the_budget_asks_for_room) {
  options = options_with(256 * 1024, 8 * 1024);
  open();
  std::uint64_t n = 1;
  for (; brain->stats().used_bytes < 170 * 1024; ++n) {
    append(n);
    commit();
    brain->set_snapshot_floor(brain->last_lsn());
  }
  EXPECT_EQ(read_all().numbers.size(), n - 1);
  for (std::uint64_t more = 0; more < 500; ++more, ++n) {
    append(n);
    commit();
    brain->set_snapshot_floor(brain->last_lsn());
    ASSERT_TRUE(stored(n));
  }
  EXPECT_GT(brain->stats().removed_segments, 0U);
  EXPECT_LE(brain->stats().used_bytes, 256U * 1024 * 11 / 16);
}

TEST_F(spool_test, optional_reader_loses_the_oldest_and_is_told_how_many) {
  options = options_with(256 * 1024, 8 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("slow", false, {}));
  auto reader = make_reader(files, brain->view());
  std::uint64_t n = 1;
  for (; n <= 10; ++n) append(n);
  commit();
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1 << 20, 4));
  ASSERT_EQ(block.records.size(), 4U);
  advance("slow", block.end);
  for (; n <= 2000; ++n) {
    append(n);
    commit();
    brain->set_snapshot_floor(brain->last_lsn());
    ASSERT_TRUE(stored(n));
  }
  const auto s = drain(*reader);
  EXPECT_GT(s.shed, 0U);
  EXPECT_EQ(s.damaged, 0U);
  EXPECT_EQ(4 + s.shed + s.numbers.size(), 2000U);
  EXPECT_EQ(brain->stats().readers[0].shed_records, s.shed);
}

TEST_F(spool_test, quarantine_has_its_own_budget_and_drops_the_oldest) {
  options = options_with(256 * 1024, 8 * 1024);
  options.quarantine_budget_bytes = 32 * 1024;
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  for (std::uint64_t n = 1; n <= 500; ++n) {
    append(n, traffic_class::telemetry, ack_level::durable, model::record_kind::quarantined);
    commit();
    ASSERT_TRUE(stored(n));
  }
  const auto stats = brain->stats();
  EXPECT_LE(stats.lanes[model::index(lane::quarantine)].bytes, 32U * 1024);
  EXPECT_EQ(stats.used_bytes, 0U);
  const std::uint64_t dropped = brain->counts()[model::index(lane::quarantine)].shed_records;
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(dropped + stats.lanes[model::index(lane::quarantine)].records, 500U);
}

TEST_F(spool_test, lane_that_lost_its_last_segment_goes_on_with_new_positions_after_a_restart) {
  options = options_with(1 << 20, 4 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("r", true, {}));
  for (std::uint64_t n = 1; n <= 100; ++n) append(n);
  commit();
  const auto end = read_all().end;
  brain->set_snapshot_floor(brain->last_lsn());
  advance("r", end);
  ASSERT_TRUE(files.paths("/telemetry/").empty());
  brain.reset();
  files.kill();
  open();
  EXPECT_EQ(brain->last_lsn(), 100U);
  EXPECT_TRUE(brain->register_reader("r", true, end)) << "the cursor of before is still good";
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
  append(101);
  commit();
  EXPECT_EQ(fates[101].at, (model::position{2, 101}));
  EXPECT_EQ(read_all(end).numbers, std::vector<std::uint64_t>{101});
}

TEST_F(spool_test, an_incarnation_is_the_second_of_its_start_where_the_clock_may_be_believed) {
  const std::pair<std::uint32_t, std::uint32_t> starts[] = {
      {0, 1}, {1'000, 1'000}, {1'000, 1'001}, {5, 1'002}, {0xFFFF'FFFF, 1'003}, {2'000, 2'000}};
  for (const auto& [now_s, named] : starts) {
    options.opened_at_s = now_s;
    open();
    EXPECT_EQ(brain->incarnation(), named);
  }
}

TEST_F(spool_test, each_open_is_a_new_incarnation_and_a_new_segment) {
  open();
  append(1);
  commit();
  ASSERT_TRUE(brain->close(now_ns, settled));
  open();
  append(2);
  commit();
  EXPECT_EQ(fates[2].at, (model::position{2, 2}));
  EXPECT_EQ(files.paths("/telemetry/").size(), 2U);
  EXPECT_EQ(read_all().numbers, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(spool_test, durable_lsn_stops_below_the_first_pending_record) {
  open();
  append(1);
  commit();
  append(2, traffic_class::telemetry, ack_level::none);
  append(3);
  EXPECT_EQ(brain->durable_lsn(), 1U);
  EXPECT_EQ(brain->last_lsn(), 3U);
  commit();
  EXPECT_EQ(brain->durable_lsn(), 1U) << "written is not durable";
  commit(now_ns + 200 * ms);
  EXPECT_EQ(brain->durable_lsn(), 3U);
}

TEST_F(spool_test, reader_that_goes_back_keeps_segments_from_going) {
  options = options_with(1 << 20, 8 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  for (std::uint64_t n = 1; n <= 200; ++n) {
    append(n);
    commit();
  }
  const auto many = files.paths("/telemetry/").size();
  const auto end = read_all().end;
  advance("required", end);
  contract::cursor beginning;
  beginning.spool = brain->uuid();
  ASSERT_TRUE(brain->rewind_reader("required", beginning));
  brain->set_snapshot_floor(brain->last_lsn());
  EXPECT_EQ(files.paths("/telemetry/").size(), many);
  advance("required", end);
  EXPECT_LT(files.paths("/telemetry/").size(), 2U);
}

TEST_F(spool_test, reader_never_goes_forward_by_going_back) {
  open();
  ASSERT_TRUE(brain->register_reader("a", true, {}));
  append(1, traffic_class::event, ack_level::committed);
  commit();
  ASSERT_TRUE(brain->rewind_reader("a", read_all().end));
  EXPECT_FALSE(stored(1));
  EXPECT_EQ(brain->rewind_reader("nobody", {}).error().code, fault_code::not_found);
}

}  // namespace
}  // namespace fleetgate::spool::testing
