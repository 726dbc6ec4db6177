// Promises T18 and T19: power loss, bit flips and truncation.
#include <algorithm>
#include <set>

#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

class spool_recovery_test : public spool_fixture {
 protected:
  /// Each lane's records in the order of their numbers and none twice; all in order of position.
  void expect_order(const std::vector<known_record>& records) {
    std::array<std::uint64_t, model::lane_count> last{};
    model::position before;
    std::set<std::uint64_t> once;
    for (const auto& r : records) {
      EXPECT_LT(before, r.at);
      before = r.at;
      EXPECT_LT(last[model::index(r.in)], r.number);
      last[model::index(r.in)] = r.number;
      EXPECT_TRUE(once.insert(r.number).second) << r.number << " came back twice";
    }
  }
  bool contains(const std::vector<known_record>& records, std::uint64_t number) {
    return std::any_of(records.begin(), records.end(),
                       [&](const auto& r) { return r.number == number; });
  }
  std::string only_segment() {
    const auto paths = files.paths("/telemetry/");
    EXPECT_EQ(paths.size(), 1U);
    return paths.front();
  }
  /// All of the fixture's messages are of one size.
  std::size_t encoded_size() {
    std::string payload;
    return encoded_bytes(envelope(1, traffic_class::telemetry, ack_level::durable, payload));
  }
  static spool_extent extent_of(std::uint64_t telemetry_records) {
    spool_extent extent;
    extent.first_ordinals[model::index(lane::telemetry_owed)] = 1;
    extent.last_ordinals[model::index(lane::telemetry_owed)] = telemetry_records;
    extent.highest_lsn = telemetry_records;
    return extent;
  }
  /// `count` records of one commit each, then kill -9.
  void write_and_kill(std::uint64_t count) {
    open();
    for (std::uint64_t n = 1; n <= count; ++n) {
      append(n);
      commit();
    }
    brain.reset();
    files.settle_by_hand();
    files.kill();
  }
  /// `count` records of one commit each, then a clean close.
  void write_and_close(std::uint64_t count) {
    open();
    for (std::uint64_t n = 1; n <= count; ++n) {
      append(n);
      commit();
    }
    ASSERT_TRUE(brain->close(now_ns, settled));
    brain.reset();
    files.settle_by_hand();
  }
};

TEST_F(spool_recovery_test, power_cut_at_any_operation_keeps_everything_that_was_settled) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    files = {};
    files.random.seed(seed);
    std::mt19937_64 random(seed * 104729);
    fates.clear();
    options = options_with(16 << 20, 4096);
    std::map<std::uint64_t, lane> owed;
    std::uint64_t n = 1;
    std::vector<known_record> recovered_before;
    for (int life = 0; life < 3; ++life) {
      const bool opened = try_open();
      if (opened) {
        expect_order(visited);
        for (const auto& [number, in] : owed) {
          EXPECT_TRUE(!stored(number) || contains(visited, number)) << number << " was lost";
        }
        // What one recovery handed out is there after the next crash, too.
        for (const auto& r : recovered_before) EXPECT_TRUE(contains(visited, r.number));
        recovered_before = visited;
        files.crash_at = 1 + random() % 60;
        for (int step = 0; step < 30 && !files.crashed(); ++step) {
          for (std::uint64_t more = 1 + random() % 4; more > 0; --more, ++n) {
            const auto cls = model::all_traffic_classes[random() % 4];
            const bool free = random() % 3 == 0;
            append(n, cls, free ? ack_level::none : ack_level::durable);
            if (!free) owed[n] = model::lane_of(cls, ack_level::durable);
          }
          commit(now_ns + random() % (100 * ms));
        }
        brain.reset();
      }
      if (random() % 4 == 0)
        files.kill();
      else
        files.cut_power();
      if (random() % 8 == 0) files.crash_at = 1 + random() % 20;  // the next start is cut, too
    }
    files.kill();
    files.crash_at = 0;
    open();
    for (const auto& [number, in] : owed) {
      EXPECT_TRUE(!stored(number) || contains(visited, number)) << number << " was lost";
    }
    expect_order(visited);
    EXPECT_EQ(brain->recovered().foreign_segments, 0U);
    const auto all = read_all();
    EXPECT_EQ(all.numbers.size(), visited.size());
    EXPECT_EQ(all.damaged, brain->recovered().damaged_records);
    if (HasFailure()) return;
  }
}

TEST_F(spool_recovery_test, what_a_killed_process_had_only_written_is_durable_after_recovery) {
  open();
  append(1);
  commit();
  append(2);
  files.before = [&](disk_op op, const std::string&) -> std::optional<fault_code> {
    if (op == disk_op::sync || op == disk_op::truncate) return fault_code::storage_io;
    return std::nullopt;
  };
  commit();  // written, the sync failed: its pages count as clean but are not on the disk
  files.before = nullptr;
  files.kill();
  open();
  EXPECT_EQ(numbers(visited), (std::vector<std::uint64_t>{1, 2}));
  files.cut_power();
  open();
  EXPECT_EQ(numbers(visited), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(spool_recovery_test, torn_tail_is_cut_and_reported_with_its_bytes) {
  open();
  for (std::uint64_t n = 1; n <= 10; ++n) {
    append(n);
    commit();
  }
  brain.reset();
  std::string& bytes = files.bytes(only_segment());
  const auto whole = bytes.size();
  bytes.resize(whole - 20);
  files.kill();
  open();
  EXPECT_EQ(visited.size(), 9U);
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
  EXPECT_EQ(brain->recovered().torn_bytes, (whole - segment_header_bytes) / 10 - 20);
  open();
  EXPECT_EQ(brain->recovered().torn_bytes, 0U);
}

TEST_F(spool_recovery_test, bad_record_below_the_watermark_is_damage_and_the_rest_is_kept) {
  open();
  for (std::uint64_t n = 1; n <= 10; ++n) {
    append(n);
    commit();
  }
  brain.reset();
  std::string& bytes = files.bytes(only_segment());
  const auto record = (bytes.size() - segment_header_bytes) / 10;
  bytes[segment_header_bytes + 4 * record + 150] ^= 4;
  open();
  EXPECT_EQ(brain->recovered().damaged_records, 1U);
  EXPECT_EQ(brain->recovered().damaged_ranges, 1U);
  EXPECT_EQ(brain->recovered().torn_bytes, 0U);
  EXPECT_EQ(numbers(visited), (std::vector<std::uint64_t>{1, 2, 3, 4, 6, 7, 8, 9, 10}));
  const auto s = read_all();
  EXPECT_EQ(s.numbers, numbers(visited));
  EXPECT_EQ(s.damaged, 1U);
}

TEST_F(spool_recovery_test, flipped_bits_anywhere_are_detected_and_counted_exactly) {
  constexpr std::uint64_t count = 40;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    files = {};
    fates.clear();
    std::mt19937_64 random(seed);
    options = options_with(16 << 20, 4096);
    write_and_close(count);
    std::set<std::uint64_t> hit;
    const auto paths = files.paths("/telemetry/");
    ASSERT_GT(paths.size(), 2U);
    const std::size_t record = encoded_size();
    std::map<std::string, std::uint64_t> first_of;
    std::uint64_t first = 1;
    for (const auto& path : paths) {
      first_of[path] = first;
      first += (files.bytes(path).size() - segment_header_bytes) / record;
    }
    for (std::uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
      const auto& path = paths[random() % paths.size()];
      std::string& bytes = files.bytes(path);
      const std::size_t at = random() % bytes.size();
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      if (at >= segment_header_bytes) {
        hit.insert(first_of[path] + (at - segment_header_bytes) / record);
      }
    }
    // A second flip may undo the first.
    open();
    const auto report = brain->recovered();
    EXPECT_EQ(report.damaged_records, count - visited.size());
    EXPECT_EQ(report.torn_bytes, 0U);
    for (std::uint64_t n = 1; n <= count; ++n) {
      EXPECT_TRUE(contains(visited, n) || hit.count(n)) << n << " is intact and was not recovered";
    }
    expect_order(visited);
    const auto s = read_all();
    EXPECT_EQ(s.numbers, numbers(visited));
    // A reader counts a gap once it stands behind it.
    append(count + 1);
    commit();
    EXPECT_EQ(read_all().damaged, report.damaged_records);
    EXPECT_EQ(read_all().numbers.size(), visited.size() + 1);
    if (HasFailure()) return;
  }
}

TEST_F(spool_recovery_test, every_single_bit_of_a_segment_is_guarded) {
  payload_size = 13;  // with padding
  write_and_close(3);
  const std::string path = only_segment();
  const std::string good = files.bytes(path);
  for (std::size_t bit = 8 * segment_header_bytes; bit < 8 * good.size(); ++bit) {
    files.bytes(path)[bit / 8] = static_cast<char>(good[bit / 8] ^ (1 << bit % 8));
    const recovery_request request{options.directory, options.new_uuid, 0, extent_of(3)};
    std::uint64_t records = 0;
    const auto lanes = recover_lanes(files, request, [&](const auto&, auto) { ++records; });
    ASSERT_TRUE(lanes);
    ASSERT_EQ(lanes->report.damaged_records, 1U) << "bit " << bit;
    ASSERT_EQ(records, 2U) << "bit " << bit;
    files.put(path, good);
  }
}

TEST_F(spool_recovery_test, truncation_anywhere_is_detected_and_counted_exactly) {
  constexpr std::uint64_t count = 40;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    files = {};
    fates.clear();
    std::mt19937_64 random(seed);
    options = options_with(16 << 20, 4096);
    write_and_close(count);
    const auto paths = files.paths("/telemetry/");
    std::string& bytes = files.bytes(paths[random() % paths.size()]);
    bytes.resize(random() % 5 == 0 ? 0 : random() % bytes.size());
    files.settle_by_hand();
    open();
    EXPECT_EQ(brain->recovered().damaged_records, count - visited.size());
    append(count + 1);
    commit();
    const auto s = read_all();
    EXPECT_EQ(s.numbers.size(), visited.size() + 1);
    EXPECT_EQ(s.damaged, brain->recovered().damaged_records);
    if (HasFailure()) return;
  }
}

TEST_F(spool_recovery_test, after_kill_9_what_a_closed_segment_lost_is_damage_counted_exactly) {
  constexpr std::uint64_t count = 60;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    files = {};
    fates.clear();
    std::mt19937_64 random(seed);
    options = options_with(16 << 20, 4096);
    write_and_kill(count);
    const auto paths = files.paths("/telemetry/");
    ASSERT_GT(paths.size(), 3U);
    // Any but the last, the oldest included: one is emptied or cut anywhere, some behind their
    // headers.
    const auto damaged = [&]() -> std::string& {
      return files.bytes(paths[random() % (paths.size() - 1)]);
    };
    std::string& first = damaged();
    first.resize(random() % 3 == 0 ? 0 : random() % first.size());
    for (std::uint64_t more = random() % 3; more > 0; --more) {
      std::string& bytes = damaged();
      if (bytes.size() <= segment_header_bytes) continue;
      bytes.resize(segment_header_bytes + random() % (bytes.size() - segment_header_bytes));
    }
    files.settle_by_hand();
    open();
    const auto& report = brain->recovered();
    EXPECT_LT(visited.size(), count);
    EXPECT_EQ(report.damaged_records, count - visited.size());
    EXPECT_EQ(report.torn_bytes, 0U);
    EXPECT_EQ(report.torn_segments, 0U);
    open();
    EXPECT_EQ(brain->recovered().damaged_records, count - visited.size()) << "the second time";
    EXPECT_EQ(brain->stats().lanes[model::index(lane::telemetry_owed)].records, count);
    if (HasFailure()) return;
  }
}

TEST_F(spool_recovery_test, after_kill_9_what_the_last_segment_lost_below_the_note_is_damage) {
  for (const bool emptied : {true, false}) {
    SCOPED_TRACE(emptied);
    files = {};
    fates.clear();
    open();
    for (std::uint64_t n = 1; n <= 50; ++n) {
      append(n);
      commit();
    }
    brain->set_snapshot_floor(40);  // notes that 50 are durable
    brain.reset();
    std::string& bytes = files.bytes(only_segment());
    bytes.resize(emptied ? 0 : bytes.size() / 2);
    files.settle_by_hand();
    files.kill();
    open();
    EXPECT_EQ(visited.size(), emptied ? 0U : 24U);
    EXPECT_EQ(brain->recovered().damaged_records, 50 - visited.size());
    EXPECT_EQ(brain->recovered().torn_bytes, 0U);
  }
}

TEST_F(spool_recovery_test, last_segment_in_which_nothing_is_readable_is_reported_as_torn) {
  options = options_with(16 << 20, 4096);
  write_and_kill(40);
  const std::string last = files.paths("/telemetry/").back();
  files.bytes(last).clear();
  files.settle_by_hand();
  open();
  EXPECT_EQ(brain->recovered().torn_segments, 1U);
  EXPECT_EQ(brain->recovered().torn_bytes, 0U);
  EXPECT_EQ(brain->recovered().damaged_records, 0U) << "it may never have been synced";
}

TEST_F(spool_recovery_test, ruin_of_unknown_beginning_counts_as_at_least_one_record) {
  options = options_with(16 << 20, 4096);
  write_and_kill(40);
  const auto paths = files.paths("/telemetry/");
  files.bytes(paths[0]).clear();
  std::string& second = files.bytes(paths[1]);
  auto header = decode_segment_header(as_bytes(second));
  ASSERT_TRUE(header);
  header->previous_first_ordinal = 0;  // as a program wrote it that did not say so yet
  second.replace(0, segment_header_bytes, encode_segment_header(*header));
  files.settle_by_hand();
  open();
  EXPECT_EQ(brain->recovered().damaged_records, 1U);
  EXPECT_EQ(brain->recovered().damaged_ranges, 1U);
}

TEST_F(spool_recovery_test, two_ruins_at_the_beginning_are_damage_though_only_one_can_be_counted) {
  options = options_with(16 << 20, 4096);
  write_and_kill(40);
  const auto paths = files.paths("/telemetry/");
  const std::uint64_t each = (files.bytes(paths[0]).size() - segment_header_bytes) / encoded_size();
  files.bytes(paths[0]).clear();
  files.bytes(paths[1]).clear();
  files.settle_by_hand();
  open();
  EXPECT_EQ(visited.size(), 40 - 2 * each);
  EXPECT_EQ(brain->recovered().damaged_records, each + 1);
}

TEST_F(spool_recovery_test, litter_of_a_first_segment_that_could_not_be_written_is_no_damage) {
  open();
  append(1);
  files.before = [](disk_op op, const std::string& path) -> std::optional<fault_code> {
    const bool telemetry = path.find("/telemetry/") != std::string::npos;
    if (telemetry && (op == disk_op::write || op == disk_op::remove)) return fault_code::storage_io;
    return std::nullopt;
  };
  commit();
  files.before = nullptr;
  commit(*brain->next_deadline_ns());
  ASSERT_EQ(files.paths("/telemetry/").size(), 2U);
  files.bytes(files.paths("/telemetry/").front()).clear();
  brain.reset();
  files.kill();
  open();
  EXPECT_EQ(numbers(visited), std::vector<std::uint64_t>{1});
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
}

TEST_F(spool_recovery_test, segments_removed_after_a_note_are_not_missed) {
  options = options_with(16 << 20, 4096);
  open();
  ASSERT_TRUE(brain->register_reader("r", true, {}));
  for (std::uint64_t n = 1; n <= 40; ++n) {
    append(n);
    commit();
  }
  brain->set_snapshot_floor(30);
  advance("r", read_all().end);
  ASSERT_GT(brain->stats().removed_segments, 0U);
  brain.reset();
  files.kill();
  open();
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
  EXPECT_EQ(brain->recovered().torn_segments, 0U);
}

TEST_F(spool_recovery_test, missing_segment_in_the_middle_or_at_the_end_is_counted) {
  for (const bool last : {false, true}) {
    SCOPED_TRACE(last);
    files = {};
    fates.clear();
    options = options_with(16 << 20, 4096);
    write_and_close(40);
    const auto paths = files.paths("/telemetry/");
    ASSERT_GT(paths.size(), 2U);
    files.erase(last ? paths.back() : paths[1]);
    open();
    EXPECT_LT(visited.size(), 40U);
    EXPECT_EQ(brain->recovered().damaged_records, 40 - visited.size());
  }
}

TEST_F(spool_recovery_test, oldest_segment_that_vanished_after_a_clean_close_is_counted) {
  options = options_with(16 << 20, 4096);
  write_and_close(40);
  files.erase(files.paths("/telemetry/").front());
  open();
  EXPECT_LT(visited.size(), 40U);
  EXPECT_EQ(brain->recovered().damaged_records, 40 - visited.size());
}

TEST_F(spool_recovery_test, segments_removed_after_a_close_are_not_missed) {
  options = options_with(16 << 20, 4096);
  open();
  ASSERT_TRUE(brain->register_reader("r", true, {}));
  for (std::uint64_t n = 1; n <= 40; ++n) {
    append(n);
    commit();
  }
  ASSERT_TRUE(brain->close(now_ns, settled));
  const auto end = read_all().end;
  brain->set_snapshot_floor(20);
  advance("r", end);
  ASSERT_GT(brain->stats().removed_segments, 0U);
  open();
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
}

TEST_F(spool_recovery_test, whole_lane_that_vanished_after_a_clean_close_is_counted) {
  write_and_close(40);
  files.erase(only_segment());
  open();
  EXPECT_EQ(brain->recovered().damaged_records, 40U);
}

TEST_F(spool_recovery_test, segment_of_another_spool_is_left_alone) {
  write_and_close(5);
  const std::string path = only_segment();
  const std::string content = files.bytes(path);
  files = {};
  fates.clear();
  options.new_uuid.bytes[0] = 99;
  write_and_close(3);
  files.put("/data/spool/telemetry/0000000000000fff.seg", content);
  open();
  EXPECT_EQ(visited.size(), 3U);
  EXPECT_EQ(brain->recovered().foreign_segments, 1U);
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
  EXPECT_EQ(files.paths("0fff").size(), 1U);
}

TEST_F(spool_recovery_test, segment_that_comes_back_after_a_start_without_it_is_left_alone) {
  options = options_with(16 << 20, 4096);
  open();
  for (std::uint64_t n = 1; n <= 40; ++n) {
    append(n);
    commit();
  }
  append(100, traffic_class::event);  // so that what comes next lies under another name
  commit();
  brain.reset();
  files.kill();
  const std::string path = files.paths("/telemetry/").back();
  const std::string bytes = files.bytes(path);
  files.erase(path);
  open();
  append(101);
  commit();
  brain.reset();
  files.kill();
  files.put(path, bytes);
  open();
  EXPECT_EQ(brain->recovered().foreign_segments, 1U);
  EXPECT_EQ(files.bytes(path), bytes);
  EXPECT_TRUE(contains(visited, 101));
}

TEST_F(spool_recovery_test, record_copied_inside_a_payload_is_not_taken_for_a_record) {
  write_and_close(2);
  const std::string stolen = files.bytes(only_segment()).substr(segment_header_bytes);
  open();
  std::string ignored;
  auto e = envelope(3, traffic_class::telemetry, ack_level::durable, ignored);
  e.payload = as_bytes(stolen);
  e.payload_hash = 0;
  e.kind = model::record_kind::release;  // the fixture does not look at its payload
  append(3, e);
  append(4);
  commit();
  ASSERT_TRUE(brain->close(now_ns, settled));
  brain.reset();
  std::string& bytes = files.bytes(files.paths("/telemetry/").back());
  bytes[segment_header_bytes + 20] ^= 1;  // its header is gone: the walk goes through the payload
  open();
  EXPECT_EQ(numbers(visited), (std::vector<std::uint64_t>{1, 2, 4}));
  EXPECT_EQ(brain->recovered().damaged_records, 1U);
}

TEST_F(spool_recovery_test,
       records_below_the_visit_bound_are_not_visited_and_old_segments_not_read) {
  options = options_with(16 << 20, 4096);
  write_and_close(100);
  open(61);
  EXPECT_EQ(visited.size(), 40U);
  EXPECT_EQ(visited.front().at.lsn, 61U);
  EXPECT_EQ(brain->recovered().records, 100U);
  EXPECT_GT(brain->recovered().unread_segments, 3U);
  EXPECT_EQ(read_all().numbers.size(), 100U);
}

TEST_F(spool_recovery_test, lanes_are_merged_in_the_order_of_positions) {
  open();
  for (std::uint64_t n = 1; n <= 300; ++n) {
    append(n, model::all_traffic_classes[n * 7 % 4]);
    if (n % 5 == 0) commit();
  }
  ASSERT_TRUE(brain->close(now_ns, settled));
  open();
  ASSERT_EQ(visited.size(), 300U);
  for (std::uint64_t n = 1; n <= 300; ++n) EXPECT_EQ(visited[n - 1].number, n);
}

TEST_F(spool_recovery_test, position_is_never_given_twice) {
  std::set<model::position> given;
  for (int life = 0; life < 20; ++life) {
    open();
    fates.clear();
    for (std::uint64_t n = 1; n <= 5; ++n) append(100 * static_cast<std::uint64_t>(life) + n);
    commit();
    for (const auto& [ticket, fate] : fates) EXPECT_TRUE(given.insert(fate.at).second);
    append(99999);
    brain.reset();
    files.cut_power();
  }
}

TEST_F(spool_recovery_test, lost_spool_id_is_rebuilt_from_the_segments) {
  write_and_close(5);
  const auto uuid = options.new_uuid;
  files.bytes("/data/spool/spool.id").clear();
  options.new_uuid.bytes[0] = 77;
  open();
  EXPECT_EQ(brain->uuid(), uuid);
  EXPECT_EQ(brain->incarnation(), 2U) << "one above what the segments say";
  EXPECT_EQ(visited.size(), 5U);
  files.bytes("/data/spool/spool.id").clear();
  options.opened_at_s = 1'767'225'600;
  open();
  EXPECT_EQ(brain->incarnation(), options.opened_at_s) << "no hours ahead of the clock";
}

TEST_F(spool_recovery_test, segments_of_which_nothing_tells_whose_they_are_are_not_given_up) {
  write_and_close(5);
  const std::string id = files.bytes("/data/spool/spool.id");
  files.erase("/data/spool/spool.id");
  const std::string path = only_segment();
  files.bytes(path)[0] ^= 1;
  EXPECT_FALSE(try_open());
  EXPECT_EQ(open_fault.code, fault_code::storage_damaged);
  EXPECT_NE(open_fault.detail.find(path), std::string::npos) << open_fault.detail;
  files.put("/data/spool/spool.id", id);
  open();
  EXPECT_EQ(visited.size(), 5U);
}

TEST_F(spool_recovery_test, format_of_a_newer_program_is_refused) {
  write_and_close(1);
  const std::string path = only_segment();
  auto header = decode_segment_header(as_bytes(files.bytes(path)));
  ASSERT_TRUE(header);
  header->version = format_version + 1;
  files.bytes(path).replace(0, segment_header_bytes, encode_segment_header(*header));
  EXPECT_FALSE(try_open());
  EXPECT_EQ(open_fault.code, fault_code::storage_damaged);
}

TEST_F(spool_recovery_test, a_lane_that_was_quiet_since_the_last_note_holds_back_nothing) {
  open();
  append(1, traffic_class::control);
  commit();
  brain->set_snapshot_floor(0);  // with a sink away the floor does not move
  append(2);
  commit();
  append(3);
  commit();
  brain.reset();
  std::uint64_t last_told = 0;
  ASSERT_TRUE(spool::open(
      files, options, 0, [&](const auto&, std::uint64_t durable_lsn) { last_told = durable_lsn; }));
  EXPECT_EQ(last_told, 2U);
}

TEST_F(spool_recovery_test, a_start_says_how_far_what_it_reads_is_surely_on_disk) {
  open();
  for (std::uint64_t n = 1; n <= 3; ++n) append(n);
  commit();
  for (std::uint64_t n = 4; n <= 5; ++n) append(n);
  commit();
  brain.reset();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  ASSERT_TRUE(spool::open(files, options, 0, [&](const auto& r, std::uint64_t durable_lsn) {
    told.emplace_back(r.at.lsn, durable_lsn);
  }));
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> as_synced = {
      {1, 0}, {2, 0}, {3, 0}, {4, 3}, {5, 3}};
  EXPECT_EQ(told, as_synced) << "the last group may be in the page cache only";
}

}  // namespace
}  // namespace fleetgate::spool::testing
