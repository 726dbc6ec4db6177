// Promises T6, T15 and T20: a disk that fills up, fails and lies.
#include <algorithm>

#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

class spool_faults_test : public spool_fixture {
 protected:
  void fail_on(disk_op op, fault_code code, const std::string& part = "/telemetry/") {
    files.before = [=](disk_op o, const std::string& path) -> std::optional<fault_code> {
      if (o == op && path.find(part) != std::string::npos) return code;
      return std::nullopt;
    };
  }
  void heal() { files.before = nullptr; }
};

TEST_F(spool_faults_test, failed_sync_settles_nothing_on_the_strength_of_the_next_one) {
  open();
  append(1);
  commit();
  const std::string first = files.paths("/telemetry/").front();
  append(2);
  std::uint64_t syncs_of_first = 0;
  bool fail = true;
  files.before = [&](disk_op op, const std::string& path) -> std::optional<fault_code> {
    if (op == disk_op::sync && path == first) ++syncs_of_first;
    if (op == disk_op::sync && fail) return fault_code::storage_io;
    return std::nullopt;
  };
  commit();
  EXPECT_FALSE(stored(2));
  EXPECT_TRUE(brain->has_pending());
  ASSERT_TRUE(brain->stats().trouble);
  EXPECT_EQ(brain->stats().trouble->code, fault_code::storage_io);
  fail = false;
  commit();
  EXPECT_FALSE(stored(2)) << "tried before its time";
  commit(*brain->next_deadline_ns());
  EXPECT_TRUE(stored(2));
  EXPECT_EQ(syncs_of_first, 1U) << "the failed segment was synced again";
  EXPECT_FALSE(brain->stats().trouble);
  EXPECT_EQ(read_all().numbers, (std::vector<std::uint64_t>{1, 2}));
  files.cut_power();
  heal();
  open();
  EXPECT_EQ(numbers(visited), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
}

TEST_F(spool_faults_test, what_a_failed_sync_left_behind_never_comes_back_twice) {
  for (const bool truncate_fails : {false, true}) {
    SCOPED_TRACE(truncate_fails);
    files = {};
    fates.clear();
    open();
    append(1);
    commit();
    append(2);
    append(3);
    files.before = [&](disk_op op, const std::string&) -> std::optional<fault_code> {
      if (op == disk_op::sync) return fault_code::storage_io;
      if (op == disk_op::truncate && truncate_fails) return fault_code::storage_io;
      return std::nullopt;
    };
    commit();
    heal();
    append(4);
    commit(*brain->next_deadline_ns());
    EXPECT_TRUE(stored(2) && stored(3) && stored(4));
    EXPECT_EQ(read_all().numbers, (std::vector<std::uint64_t>{1, 2, 3, 4}));
    files.settle_by_hand();  // the stale tail did reach the disk
    open();
    EXPECT_EQ(numbers(visited), (std::vector<std::uint64_t>{1, 2, 3, 4}));
    EXPECT_EQ(read_all().numbers, (std::vector<std::uint64_t>{1, 2, 3, 4}));
    EXPECT_EQ(brain->recovered().damaged_records, 0U);
  }
}

TEST_F(spool_faults_test, stale_tail_stays_void_when_the_next_segments_header_is_damaged) {
  open();
  append(1);
  commit();
  append(2);
  files.before = [&](disk_op op, const std::string&) -> std::optional<fault_code> {
    if (op == disk_op::sync || op == disk_op::truncate) return fault_code::storage_io;
    return std::nullopt;
  };
  commit();
  heal();
  commit(*brain->next_deadline_ns());
  files.bytes(files.paths("/telemetry/").back())[50] ^= 1;
  files.settle_by_hand();
  open();
  EXPECT_EQ(numbers(visited), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(spool_faults_test, full_disk_withholds_and_settles_each_record_once_when_space_returns) {
  for (const disk_op op : {disk_op::write, disk_op::create, disk_op::sync_directory}) {
    SCOPED_TRACE(static_cast<int>(op));
    files = {};
    fates.clear();
    open();
    if (op == disk_op::write) {
      append(1000);
      commit();
    }
    fail_on(op, fault_code::storage_full, "/telemetry");
    for (std::uint64_t n = 1; n <= 20; ++n) {
      append(n);
      commit(brain->next_deadline_ns().value_or(now_ns));
      EXPECT_FALSE(stored(n));
      EXPECT_FALSE(refused(n));
    }
    EXPECT_EQ(brain->stats().trouble->code, fault_code::storage_full);
    EXPECT_GE(brain->stats().storage_faults, 10U);
    EXPECT_LE(files.paths("/telemetry/").size(), 1U) << "failed tries leave no litter";
    heal();
    commit(*brain->next_deadline_ns());
    for (std::uint64_t n = 1; n <= 20; ++n) EXPECT_TRUE(stored(n));
    EXPECT_FALSE(brain->stats().trouble);
    EXPECT_FALSE(brain->next_deadline_ns());
    EXPECT_EQ(read_all().numbers.size(), fates.size());
    files.cut_power();
    open();
    EXPECT_EQ(visited.size(), fates.size());
    EXPECT_EQ(brain->recovered().damaged_records, 0U);
  }
}

TEST_F(spool_faults_test, trouble_of_one_lane_does_not_hold_up_another) {
  open();
  fail_on(disk_op::sync, fault_code::storage_io);
  append(1, traffic_class::telemetry);
  append(2, traffic_class::control);
  commit();
  EXPECT_FALSE(stored(1));
  EXPECT_TRUE(stored(2));
  append(3, traffic_class::control);
  commit();
  EXPECT_TRUE(stored(3));
  EXPECT_TRUE(brain->stats().trouble);
}

TEST_F(spool_faults_test, says_which_classes_are_stuck_and_never_control_or_heartbeat) {
  open();
  fail_on(disk_op::write, fault_code::storage_full, "");
  for (const auto cls : model::all_traffic_classes) {
    EXPECT_FALSE(brain->is_stuck(cls));
    append(1 + model::index(cls), cls);
  }
  append(9, traffic_class::event, ack_level::none);
  commit(1 * ms);
  EXPECT_FALSE(brain->is_stuck(traffic_class::control));
  EXPECT_FALSE(brain->is_stuck(traffic_class::heartbeat));
  EXPECT_TRUE(brain->is_stuck(traffic_class::event));
  EXPECT_TRUE(brain->is_stuck(traffic_class::telemetry));
  heal();
  commit(5000 * ms);
  EXPECT_FALSE(brain->is_stuck(traffic_class::event));
  EXPECT_FALSE(brain->is_stuck(traffic_class::telemetry));
}

TEST_F(spool_faults_test, retries_back_off_to_a_bound) {
  open();
  fail_on(disk_op::sync, fault_code::storage_io);
  append(1);
  commit();
  EXPECT_EQ(*brain->next_deadline_ns(), now_ns + 100 * ms);
  for (int i = 0; i < 20; ++i) commit(*brain->next_deadline_ns());
  EXPECT_EQ(*brain->next_deadline_ns(), now_ns + 5000 * ms);
}

TEST_F(spool_faults_test, free_records_survive_a_failed_sync_of_their_lane) {
  open();
  append(1, traffic_class::telemetry, ack_level::none);
  commit();
  EXPECT_TRUE(stored(1));
  fail_on(disk_op::sync, fault_code::storage_io, "telemetry-free");
  commit(now_ns + 200 * ms);
  append(2, traffic_class::telemetry, ack_level::none);
  heal();
  commit(*brain->next_deadline_ns());
  EXPECT_TRUE(stored(2));
  commit(now_ns + 200 * ms);
  EXPECT_EQ(read_all().numbers, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(spool_faults_test, close_reports_what_could_not_be_written) {
  open();
  append(1);
  fail_on(disk_op::write, fault_code::storage_full);
  const auto closed = brain->close(now_ns, settled);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, fault_code::storage_full);
  note();
  EXPECT_FALSE(stored(1));
}

TEST_F(spool_faults_test, open_fails_when_the_new_incarnation_cannot_be_made_durable) {
  open();
  append(1);
  commit();
  fail_on(disk_op::sync, fault_code::storage_io, "spool.id");
  EXPECT_FALSE(try_open());
  EXPECT_EQ(open_fault.code, fault_code::storage_io);
}

TEST_F(spool_faults_test, a_note_that_could_not_be_written_leaves_the_one_before_it) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    files = {};
    files.random.seed(seed);
    spool_id_file file("/data/spool");
    spool_id id;
    id.incarnation = 7;
    ASSERT_TRUE(file.write(files, id));
    fail_on(disk_op::write, fault_code::storage_io, "spool.id");
    for (int tries = 0; tries < 2; ++tries) EXPECT_FALSE(file.write(files, id));
    const auto read = file.read(files);
    ASSERT_TRUE(read);
    ASSERT_TRUE(*read);
    EXPECT_EQ((*read)->incarnation, 7U);
  }
}

TEST_F(spool_faults_test, what_is_written_after_a_close_is_not_covered_by_its_note) {
  open();
  append(1);
  ASSERT_TRUE(brain->close(now_ns, settled));
  const auto is_clean = [this] {
    const auto id = spool_id_file("/data/spool").read(files);
    return id && *id && (*id)->extent.clean;
  };
  EXPECT_TRUE(is_clean());
  fail_on(disk_op::write, fault_code::storage_io, "spool.id");
  append(2);
  commit();
  EXPECT_FALSE(stored(2));
  EXPECT_TRUE(brain->stats().trouble);
  EXPECT_TRUE(read_all().numbers == std::vector<std::uint64_t>{1});
  heal();
  commit(*brain->next_deadline_ns());
  EXPECT_TRUE(stored(2));
  EXPECT_FALSE(is_clean());
}

TEST_F(spool_faults_test, segment_that_cannot_be_removed_is_kept_and_removed_later) {
  options = options_with(1 << 20, 8 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("r", true, {}));
  for (std::uint64_t n = 1; n <= 200; ++n) {
    append(n);
    commit();
  }
  const auto many = files.paths("/telemetry/").size();
  fail_on(disk_op::remove, fault_code::storage_io);
  const auto end = read_all().end;
  advance("r", end);
  brain->set_snapshot_floor(brain->last_lsn());
  EXPECT_EQ(files.paths("/telemetry/").size(), many);
  heal();
  advance("r", end);
  EXPECT_LT(files.paths("/telemetry/").size(), 2U);
}

/// Any operation may fail, in any way, at any time; then the disk heals.
TEST_F(spool_faults_test, random_faults_never_lose_or_repeat_what_was_settled) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    files = {};
    files.random.seed(seed);
    std::mt19937_64 random(seed * 7919);
    fates.clear();
    options = options_with(16 << 20, 4096);
    open();
    const std::uint64_t one_in = 2 + random() % 30;
    files.before = [&](disk_op op, const std::string&) -> std::optional<fault_code> {
      if (op == disk_op::read || op == disk_op::open || random() % one_in != 0) return std::nullopt;
      return random() % 2 == 0 ? fault_code::storage_io : fault_code::storage_full;
    };
    std::uint64_t n = 1;
    for (int step = 0; step < 60; ++step) {
      for (std::uint64_t more = random() % 5; more > 0; --more, ++n) {
        append(n, model::all_traffic_classes[random() % 4],
               random() % 3 == 0 ? ack_level::received : ack_level::durable);
      }
      commit(now_ns + random() % (400 * ms));
    }
    heal();
    commit(now_ns + 10'000 * ms);
    commit(now_ns + 10'000 * ms);
    EXPECT_FALSE(brain->has_pending());
    EXPECT_EQ(fates.size(), n - 1);
    auto all = read_all();
    std::sort(all.numbers.begin(), all.numbers.end());
    EXPECT_EQ(all.numbers.size(), n - 1);
    EXPECT_EQ(std::unique(all.numbers.begin(), all.numbers.end()), all.numbers.end());
    EXPECT_EQ(all.damaged, 0U);
    files.cut_power();
    open();
    EXPECT_EQ(visited.size(), n - 1);
    EXPECT_EQ(brain->recovered().damaged_records, 0U);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace fleetgate::spool::testing
