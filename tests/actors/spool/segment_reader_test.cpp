#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

class segment_reader_test : public spool_fixture {};

TEST_F(segment_reader_test, nothing_is_seen_before_it_is_durable) {
  open();
  auto reader = make_reader(files, brain->view());
  append(1);
  EXPECT_TRUE(drain(*reader).numbers.empty());
  files.before = [](disk_op op, const std::string&) -> std::optional<fault_code> {
    if (op == disk_op::sync) return fault_code::storage_io;
    return std::nullopt;
  };
  commit();
  EXPECT_TRUE(drain(*reader).numbers.empty()) << "written, not durable";
  files.before = nullptr;
  commit(*brain->next_deadline_ns());
  EXPECT_EQ(drain(*reader).numbers, std::vector<std::uint64_t>{1});
  EXPECT_TRUE(drain(*reader).numbers.empty());
}

TEST_F(segment_reader_test, every_field_of_an_envelope_comes_back) {
  open();
  model::envelope e;
  e.kind = model::record_kind::quarantined;
  e.cls = traffic_class::heartbeat;
  e.level = ack_level::durable;
  e.tenant = "acme";
  e.device = "pump-7";
  e.stream = "s";
  e.epoch_from = model::epoch_origin::inferred;
  e.epoch = 77;
  e.sequence = 0;
  e.trace = {1, 2};
  e.topic = "t/1";
  e.content_type = "application/json";
  e.attributes = "{\"a\":1}";
  e.payload = as_bytes("{}");
  e.device_time_ns = -5;
  e.received_time_ns = 1'700'000'000'000'000'000;
  e.client_id = "c";
  e.packet_id = 65535;
  e.qos = 2;
  e.dup = true;
  e.retain = true;
  e.properties = "\x01\x01";
  e.fault = fault_code::schema_violation;
  e.rule_version = 9;
  append(1, e);
  commit();
  auto reader = make_reader(files, brain->view());
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1000, 10));
  ASSERT_EQ(block.records.size(), 1U);
  const model::envelope& r = block.records[0].envelope;
  EXPECT_EQ(block.records[0].in, lane::quarantine);
  EXPECT_EQ(block.records[0].at, (model::position{1, 1}));
  EXPECT_EQ(std::tie(r.kind, r.cls, r.level, r.tenant, r.device, r.stream, r.epoch_from, r.epoch),
            std::tie(e.kind, e.cls, e.level, e.tenant, e.device, e.stream, e.epoch_from, e.epoch));
  EXPECT_EQ(std::tie(r.sequence, r.trace, r.topic, r.content_type, r.attributes, r.device_time_ns),
            std::tie(e.sequence, e.trace, e.topic, e.content_type, e.attributes, e.device_time_ns));
  EXPECT_EQ(std::tie(r.retain, r.properties), std::tie(e.retain, e.properties));
  EXPECT_EQ(std::tie(r.received_time_ns, r.client_id, r.packet_id, r.qos, r.dup, r.fault),
            std::tie(e.received_time_ns, e.client_id, e.packet_id, e.qos, e.dup, e.fault));
  EXPECT_EQ(r.rule_version, e.rule_version);
  EXPECT_EQ(as_text(r.payload), "{}");
  EXPECT_EQ(r.payload_hash, XXH3_64bits("{}", 2));
}

TEST_F(segment_reader_test, end_is_behind_what_is_durable_and_before_all_that_comes) {
  open();
  const auto empty_end = make_reader(files, brain->view())->end();
  append(1);
  append(2, traffic_class::control);
  commit();
  EXPECT_EQ(read_all(empty_end).numbers, (std::vector<std::uint64_t>{2, 1}));
  const auto end = make_reader(files, brain->view())->end();
  append(3);
  commit();
  EXPECT_EQ(read_all(end).numbers, (std::vector<std::uint64_t>{3}));

  open();  // another incarnation, in which nothing was written yet
  const auto later = make_reader(files, brain->view())->end();
  EXPECT_TRUE(read_all(later).numbers.empty());
  append(4);
  append(5, traffic_class::event);
  commit();
  EXPECT_EQ(read_all(later).numbers, (std::vector<std::uint64_t>{5, 4}));

  files.erase("/data/spool/spool.id");  // no start before this one is known
  open();
  const auto last = make_reader(files, brain->view())->end();
  EXPECT_TRUE(read_all(last).numbers.empty());
  append(6);
  commit();
  EXPECT_EQ(read_all(last).numbers, (std::vector<std::uint64_t>{6}));
}

TEST_F(segment_reader_test, messages_to_be_retained_are_told_of_until_they_are_read) {
  open();
  const auto reader = make_reader(files, brain->view());
  const auto retain = [&](std::uint64_t n) {
    std::string payload;
    auto e = envelope(n, traffic_class::telemetry, ack_level::durable, payload);
    e.retain = true;
    append(n, e);
  };
  append(1);
  commit();
  EXPECT_FALSE(reader->has_retained_behind({}));
  retain(2);
  EXPECT_FALSE(reader->has_retained_behind({})) << "not durable yet";
  commit();
  EXPECT_TRUE(reader->has_retained_behind({}));
  EXPECT_FALSE(reader->has_retained_behind(reader->end()));
  const auto before = reader->end();
  retain(3);
  commit();
  EXPECT_TRUE(reader->has_retained_behind(before));
}

TEST_F(segment_reader_test, marks_are_left_out_and_the_cursor_passes_them) {
  open();
  for (const auto kind : {model::record_kind::session_open, model::record_kind::release,
                          model::record_kind::session_close}) {
    append(fates.size() + 100, traffic_class::control, ack_level::durable, kind);
    commit();
  }
  append(1, traffic_class::control);
  append(2, traffic_class::control, ack_level::durable, model::record_kind::release);
  commit();
  auto reader = make_reader(files, brain->view());
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1 << 20, 1));
  ASSERT_EQ(block.records.size(), 1U) << "marks must not use up what was asked for";
  EXPECT_EQ(*block.records[0].envelope.sequence, 1U);
  ASSERT_TRUE(reader->read(block, 1 << 20, 1));
  EXPECT_TRUE(block.empty());
  EXPECT_EQ(block.end.lanes[model::index(lane::control_owed)], (model::position{1, 5}));
}

TEST_F(segment_reader_test, higher_classes_come_first_and_each_lane_has_its_least_share) {
  open();
  for (std::uint64_t n = 1; n <= 300; ++n) {
    append(n, traffic_class::telemetry);
    append(1000 + n, traffic_class::control);
  }
  commit();
  auto reader = make_reader(files, brain->view());
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1 << 20, 160));
  const auto controls = std::count_if(block.records.begin(), block.records.end(),
                                      [](const auto& r) { return r.in == lane::control_owed; });
  EXPECT_EQ(block.records.size(), 160U);
  EXPECT_EQ(controls, 149);
}

TEST_F(segment_reader_test, small_reads_return_everything_once_and_in_order) {
  options = options_with(16 << 20, 8 * 1024);
  open();
  std::mt19937_64 random(5);
  for (std::uint64_t n = 1; n <= 300; ++n) {
    payload_size = n % 50 == 0 ? 300'000 : random() % 3000;
    append(n);
    if (n % 7 == 0) commit();
  }
  commit();
  std::vector<std::uint64_t> all(300);
  for (std::uint64_t n = 1; n <= 300; ++n) all[n - 1] = n;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{5000}, std::size_t{1} << 20}) {
    auto reader = make_reader(files, brain->view());
    EXPECT_EQ(drain(*reader, bytes, 1 + bytes % 13).numbers, all);
  }
}

TEST_F(segment_reader_test, read_returns_about_what_was_asked_for) {
  open();
  for (std::uint64_t n = 1; n <= 1000; ++n) append(n);
  commit();
  auto reader = make_reader(files, brain->view());
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 10'000, 1000));
  EXPECT_GT(block.records.size(), 10U);
  EXPECT_LT(block.records.size(), 100U);
  ASSERT_TRUE(reader->read(block, 1 << 20, 7));
  EXPECT_EQ(block.records.size(), 7U);
}

TEST_F(segment_reader_test, seek_goes_on_after_the_cursor) {
  options = options_with(16 << 20, 4096);
  open();
  for (std::uint64_t n = 1; n <= 100; ++n) {
    append(n, n % 2 == 0 ? traffic_class::event : traffic_class::telemetry);
    commit();
  }
  auto reader = make_reader(files, brain->view());
  contract::cursor at;
  std::vector<std::uint64_t> all;
  contract::read_block block;
  for (;;) {
    auto fresh = make_reader(files, brain->view());
    ASSERT_TRUE(fresh->seek(at));
    ASSERT_TRUE(fresh->read(block, 1000, 3));
    if (block.empty()) break;
    for (const auto& r : block.records) all.push_back(*r.envelope.sequence);
    at = block.end;
  }
  EXPECT_EQ(all.size(), 100U);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST_F(segment_reader_test, lag_is_known_before_the_first_read_and_after_one_that_failed) {
  open();
  for (std::uint64_t n = 1; n <= 10; ++n) append(n);
  append(11, traffic_class::control);
  commit();
  auto reader = make_reader(files, brain->view());
  EXPECT_EQ(reader->lag_records(), 11U);
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1 << 20, 4));
  const std::uint64_t left = 11 - block.records.size();
  EXPECT_EQ(reader->lag_records(), left);
  const contract::cursor here = block.end;
  files.before = [](disk_op op, const std::string&) -> std::optional<fault_code> {
    if (op == disk_op::read || op == disk_op::open) return fault_code::storage_io;
    return std::nullopt;
  };
  ASSERT_TRUE(reader->seek(here));  // as a sink does that opens its store again
  EXPECT_FALSE(reader->read(block, 1 << 20, 4));
  EXPECT_EQ(reader->lag_records(), left);
  EXPECT_TRUE(reader->seek({}));
  EXPECT_EQ(reader->lag_records(), 11U);
  files.before = nullptr;
  drain(*reader);
  EXPECT_EQ(reader->lag_records(), 0U);
}

TEST_F(segment_reader_test, cursor_of_another_spool_is_refused) {
  open();
  append(1);
  commit();
  contract::cursor foreign = read_all().end;
  foreign.spool.bytes[3] ^= 1;
  auto reader = make_reader(files, brain->view());
  EXPECT_EQ(reader->seek(foreign).error().code, fault_code::foreign_spool);
  EXPECT_EQ(brain->register_reader("r", true, foreign).error().code, fault_code::foreign_spool);
  EXPECT_EQ(brain->advance_reader("r", foreign, settled).error().code, fault_code::foreign_spool);
}

TEST_F(segment_reader_test, position_beyond_the_end_is_refused_also_of_an_earlier_incarnation) {
  open();
  for (std::uint64_t n = 1; n <= 10; ++n) {
    append(n);
    commit();
  }
  contract::cursor end = read_all().end;
  auto reader = make_reader(files, brain->view());
  auto& at = end.lanes[model::index(lane::telemetry_owed)];
  EXPECT_TRUE(reader->seek(end));
  at.lsn += 1;
  EXPECT_EQ(reader->seek(end).error().code, fault_code::position_beyond_end);
  at = {2, 1};
  EXPECT_EQ(reader->seek(end).error().code, fault_code::position_beyond_end);

  // The disk loses the tail; the same numbers are given again, in another incarnation.
  brain.reset();
  auto& bytes = files.bytes(files.paths("/telemetry/").front());
  bytes.resize(bytes.size() / 2);
  open();
  fates.clear();
  for (std::uint64_t n = 11; n <= 30; ++n) append(n);
  commit();
  reader = make_reader(files, brain->view());
  at = {1, 10};
  EXPECT_EQ(reader->seek(end).error().code, fault_code::position_beyond_end);
  open();
  reader = make_reader(files, brain->view());
  EXPECT_EQ(reader->seek(end).error().code, fault_code::position_beyond_end);
}

TEST_F(segment_reader_test, what_came_after_a_backup_is_not_taken_for_what_comes_after_its_return) {
  options.opened_at_s = 1'000;
  open();
  append(1);
  commit();
  const contract::cursor of_backup = read_all().end;
  brain.reset();
  std::map<std::string, std::string> backup;
  for (const auto& path : files.paths("/data/")) backup[path] = files.bytes(path);

  options.opened_at_s = 2'000;
  open();
  for (std::uint64_t n = 2; n <= 10; ++n) append(n);
  commit();
  const contract::cursor ahead = read_all().end;
  EXPECT_EQ(ahead.lanes[model::index(lane::telemetry_owed)], (model::position{2'000, 10}));
  brain.reset();
  for (const auto& path : files.paths("/data/")) files.erase(path);
  for (const auto& [path, bytes] : backup) files.put(path, bytes);

  for (const std::uint32_t again : {3'000, 4'000, 5'000}) {
    options.opened_at_s = again;
    open();
    fates.clear();
    for (std::uint64_t n = 11; n <= 30; ++n) append(n);
    commit();
    auto reader = make_reader(files, brain->view());
    const auto sought = reader->seek(ahead);
    ASSERT_FALSE(sought) << again;
    EXPECT_EQ(sought.error().code, fault_code::position_beyond_end);
    EXPECT_TRUE(reader->seek(of_backup));
  }
}

TEST_F(segment_reader_test, reader_with_a_refused_cursor_holds_everything) {
  options = options_with(1 << 20, 4096);
  open();
  contract::cursor beyond;
  beyond.spool = brain->uuid();
  beyond.lanes.fill({9, 9});
  EXPECT_FALSE(brain->register_reader("lost", true, beyond));
  ASSERT_TRUE(brain->register_reader("good", true, {}));
  for (std::uint64_t n = 1; n <= 100; ++n) {
    append(n);
    commit();
  }
  brain->set_snapshot_floor(brain->last_lsn());
  advance("good", read_all().end);
  EXPECT_EQ(brain->stats().removed_segments, 0U);
}

TEST_F(segment_reader_test, damage_found_while_reading_is_skipped_and_counted_once) {
  open();
  for (std::uint64_t n = 1; n <= 20; ++n) append(n);
  commit();
  auto& bytes = files.bytes(files.paths("/telemetry/").front());
  const auto record = (bytes.size() - segment_header_bytes) / 20;
  for (const std::size_t n : {std::size_t{3}, std::size_t{4}, std::size_t{9}}) {
    bytes[segment_header_bytes + n * record + 10] ^= 1;
  }
  auto reader = make_reader(files, brain->view());
  std::uint64_t damaged = 0, records = 0;
  contract::cursor at;
  contract::read_block block;
  for (;;) {
    auto fresh = make_reader(files, brain->view());
    ASSERT_TRUE(fresh->seek(at));
    ASSERT_TRUE(fresh->read(block, 1 << 20, 2));
    if (block.empty()) break;
    damaged += block.damaged;
    records += block.records.size();
    at = block.end;
  }
  EXPECT_EQ(damaged, 3U);
  EXPECT_EQ(records, 17U);
}

/// Segments that somebody removed behind the spool's back.
class lost_segment : public spool_fixture {
 protected:
  static constexpr auto telemetry = model::index(lane::telemetry_owed);

  void write(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t n = from; n <= to; ++n) {
      append(n);
      commit();
    }
  }
  [[nodiscard]] std::vector<std::string> segments() const { return files.paths("/telemetry/"); }
  /// The first reading from `from`, as one of a sink that opens its store anew.
  contract::read_block read_from(const contract::cursor& from, contract::spool_reader& reader) {
    contract::read_block block;
    EXPECT_TRUE(reader.seek(from));
    const auto done = reader.read(block, 1 << 20, 1000);
    EXPECT_TRUE(done) << to_string(done.error());
    return block;
  }
};

TEST_F(lost_segment, in_the_middle_is_damage_and_what_lies_around_it_is_read) {
  options = options_with(1 << 20, 4096);
  open();
  write(1, 60);
  ASSERT_GT(segments().size(), 4U);
  files.erase(segments()[2]);
  const auto seen = read_all();
  EXPECT_GT(seen.damaged, 0U);
  EXPECT_EQ(seen.numbers.size() + seen.damaged, 60U);
  EXPECT_EQ(seen.numbers.front(), 1U);
  EXPECT_EQ(seen.numbers.back(), 60U);
}

TEST_F(lost_segment, that_is_still_written_to_is_damage_each_time_and_the_next_one_is_read) {
  options = options_with(1 << 20, 4096);
  open();
  write(1, 20);
  files.erase(segments().back());
  auto reader = make_reader(files, brain->view());
  const auto first = read_from({}, *reader);
  EXPECT_GT(first.damaged, 0U);
  EXPECT_EQ(first.records.size() + first.damaged, 20U);
  EXPECT_EQ(first.passed[telemetry].through, 20U);
  EXPECT_EQ(first.passed[telemetry].damaged, first.damaged);
  EXPECT_EQ(first.end.lanes[telemetry], (model::position{1, 20}));
  EXPECT_EQ(reader->lag_records(), 0U);
  write(21, 21);
  const auto more = drain(*reader);
  EXPECT_EQ(more.damaged, 1U);
  write(22, 60);
  const auto rest = drain(*reader);
  EXPECT_EQ(rest.numbers.size() + rest.damaged, 39U);
  EXPECT_EQ(rest.numbers.back(), 60U);
}

TEST_F(lost_segment, without_its_directory_may_come_back_and_is_not_passed) {
  open();
  write(1, 10);
  files.erase(segments().back());
  files.directories_are_away = true;
  const auto reader = make_reader(files, brain->view());
  contract::read_block block;
  const auto read = reader->read(block, 1 << 20, 1000);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, fault_code::storage_io) << "or a sink would stop for good";
  EXPECT_EQ(reader->lag_records(), 10U);
}

TEST_F(lost_segment, that_was_passed_is_not_counted_again) {
  open();
  write(1, 10);
  files.erase(segments().back());
  const auto passed = read_from({}, *make_reader(files, brain->view())).end;
  const auto again = make_reader(files, brain->view());
  EXPECT_TRUE(read_from(passed, *again).empty());
  EXPECT_EQ(again->stands_at().value()[telemetry], 10U);
}

class passage : public spool_fixture {
 protected:
  static constexpr auto telemetry = model::index(lane::telemetry_owed);

  /// What `reader` passes in the telemetry lane until there is nothing more.
  contract::lane_passage rest(contract::spool_reader& reader, std::uint64_t& records) {
    contract::lane_passage all;
    contract::read_block block;
    do {
      EXPECT_TRUE(reader.read(block, 1 << 20, 2));
      const contract::lane_passage& p = block.passed[telemetry];
      if (p.through != 0) all.through = p.through;
      if (p.began_behind) all.began_behind = p.began_behind;
      all.marks += p.marks;
      all.damaged += p.damaged;
      all.shed += p.shed;
      records += block.records.size();
    } while (!block.empty());
    return all;
  }
  contract::lane_ordinals stands_at(contract::spool_reader& reader) {
    const auto at = reader.stands_at();
    EXPECT_TRUE(at) << to_string(at.error());
    return at.value_or(contract::lane_ordinals{});
  }
};

TEST_F(passage, names_each_kind_and_leaves_no_record_out) {
  open();
  for (std::uint64_t n = 1; n <= 20; ++n) {
    append(n, traffic_class::telemetry, ack_level::durable,
           n % 5 == 0 ? model::record_kind::release : model::record_kind::message);
  }
  commit();
  auto& bytes = files.bytes(files.paths("/telemetry/").front());
  const auto second = std::string_view(bytes).find("FGR1", segment_header_bytes + 4);
  bytes[second + 10] ^= 1;
  auto reader = make_reader(files, brain->view());
  std::uint64_t records = 0;
  EXPECT_EQ(rest(*reader, records), (contract::lane_passage{20, 0, 4, 1, 0}));
  EXPECT_EQ(records, 15U);
  EXPECT_EQ(stands_at(*reader)[telemetry], 20U);
}

TEST_F(passage, counts_damage_with_the_record_behind_it_and_once) {
  options = options_with(1 << 20, 8 * 1024);
  open();
  for (std::uint64_t n = 1; n <= 200; ++n) {
    append(n);
    commit();
  }
  auto reader = make_reader(files, brain->view());
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1 << 20, 10));
  const contract::cursor at = block.end;
  // What is left of the segment it stands in.
  auto& bytes = files.bytes(files.paths("/telemetry/").front());
  std::size_t record = 0;
  for (std::uint64_t n = 1; (record = bytes.find("FGR1", record + 1)) != std::string::npos; ++n) {
    if (n > 10) bytes[record + 10] ^= 1;
  }
  for (int times = 0; times < 2; ++times) {
    ASSERT_TRUE(reader->seek(at));
    EXPECT_EQ(stands_at(*reader)[telemetry], 10U);
    std::uint64_t records = 0;
    const auto passed = rest(*reader, records);
    EXPECT_GT(passed.damaged, 0U);
    EXPECT_EQ(passed.began_behind, 10U);
    EXPECT_EQ(passed.through, 200U);
    EXPECT_EQ(10 + records + passed.damaged, 200U);
  }
}

TEST_F(passage, of_an_emptied_lane_stands_behind_all_that_is_gone) {
  open();
  for (std::uint64_t n = 1; n <= 200; ++n) append(n);
  commit();
  ASSERT_TRUE(brain->register_reader("sink", true, {}));
  brain->set_snapshot_floor(brain->last_lsn());
  const auto end = read_all().end;
  brain->close(now_ns, settled);
  open();
  ASSERT_TRUE(brain->register_reader("sink", true, {}));
  advance("sink", end);
  brain->set_snapshot_floor(brain->last_lsn());
  const bool is_empty = files.paths("/telemetry/").empty();
  EXPECT_TRUE(is_empty);
  auto reader = make_reader(files, brain->view());
  EXPECT_EQ(stands_at(*reader)[telemetry], 200U);
  append(201);
  commit();
  std::uint64_t records = 0;
  EXPECT_EQ(rest(*reader, records), (contract::lane_passage{201, 200, 0, 0, 0}));
}

TEST_F(segment_reader_test, the_memory_of_a_large_record_is_given_back) {
  payload_size = 4 << 20;
  open();
  append(1);
  commit();
  auto reader = make_reader(files, brain->view());
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1 << 20, 10));
  ASSERT_EQ(block.records.size(), 1U);
  ASSERT_TRUE(reader->read(block, 1 << 20, 10));
  for (const auto& memory : block.memory) EXPECT_LE(memory.capacity(), std::size_t{1} << 20);
}

TEST_F(segment_reader_test, file_that_became_shorter_under_a_reader_ends_its_read) {
  open();
  for (std::uint64_t n = 1; n <= 20; ++n) append(n);
  commit();
  auto& bytes = files.bytes(files.paths("/telemetry/").front());
  bytes.resize(bytes.size() / 2);
  EXPECT_LT(read_all().numbers.size(), 20U);
}

TEST_F(segment_reader_test, failed_read_is_a_fault_and_the_next_goes_on_where_it_stood) {
  open();
  for (std::uint64_t n = 1; n <= 50; ++n) {
    append(n);
    append(100 + n, traffic_class::event);
  }
  commit();
  auto reader = make_reader(files, brain->view());
  contract::read_block block;
  ASSERT_TRUE(reader->read(block, 1 << 20, 20));
  auto got = block.records.size();
  files.before = [](disk_op op, const std::string& path) -> std::optional<fault_code> {
    if (op == disk_op::read && path.find("/telemetry/") != std::string::npos) {
      return fault_code::storage_io;
    }
    return std::nullopt;
  };
  EXPECT_EQ(reader->read(block, 1 << 20, 20).error().code, fault_code::storage_io);
  files.before = nullptr;
  got += drain(*reader).numbers.size();
  EXPECT_EQ(got, 100U);
}

TEST_F(segment_reader_test, reader_of_one_lane_sees_no_other) {
  open();
  append(1, traffic_class::event);
  append(2, traffic_class::telemetry);
  append(3, traffic_class::event);
  commit();
  auto reader = make_lane_reader(files, brain->view(), model::lane::event_owed);
  EXPECT_EQ(drain(*reader).numbers, (std::vector<std::uint64_t>{1, 3}));
}

}  // namespace
}  // namespace fleetgate::spool::testing
