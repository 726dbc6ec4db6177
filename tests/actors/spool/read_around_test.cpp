// Places of a disk that cannot be read: damage like flipped bits, unless nothing can be read.
#include "actors/spool/read_around.hpp"

#include <algorithm>
#include <numeric>

#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

constexpr std::size_t block = 4096;

class read_around_test : public ::testing::Test {
 protected:
  read_around_test() {
    for (std::size_t i = 0; i < 40 * block + 100; ++i) content.push_back(static_cast<char>(1 + i));
    files.put("/f", content);
    file = std::move(*files.open_for_reading("/f"));
  }
  /// What was read; nothing where it failed.
  std::optional<std::string> read(std::uint64_t offset, std::size_t size) {
    std::vector<std::byte> into(size, std::byte{0xEE});
    unread.clear();
    const auto got = read_around(*file, offset, into, unread);
    if (!got) {
      EXPECT_EQ(got.error().code, fault_code::storage_io);
      return std::nullopt;
    }
    return std::string(as_text(byte_view(into).first(*got)));
  }
  std::string expected(std::uint64_t offset, std::size_t size, std::uint64_t bad_from,
                       std::uint64_t bad_to) {
    std::string out = content.substr(offset, size);
    for (std::uint64_t at = bad_from; at < bad_to; ++at) {
      if (at >= offset && at < offset + out.size()) out[at - offset] = '\0';
    }
    return out;
  }

  std::string content;
  block_set unread;
  fault_file_layer files;
  std::unique_ptr<contract::file> file;
};

TEST_F(read_around_test, a_disk_without_a_bad_place_is_read_once) {
  EXPECT_EQ(read(100, 20'000), content.substr(100, 20'000));
  EXPECT_TRUE(unread.empty());
  EXPECT_EQ(files.count(disk_op::read), 1U);
}

TEST_F(read_around_test, a_bad_place_costs_its_block_and_nothing_around_it) {
  files.spoil("/f", 3 * block, 4 * block);
  EXPECT_EQ(read(100, 20'000), expected(100, 20'000, 3 * block, 4 * block));
  EXPECT_EQ(unread, block_set{3});
  EXPECT_EQ(read(3 * block + 50, 100), std::string(100, '\0')) << "more can be read behind it";
  EXPECT_EQ(read(40 * block, 1000), content.substr(40 * block)) << "up to the end of the file";
}

TEST_F(read_around_test, the_end_of_the_file_stays_where_it_is) {
  files.spoil("/f", 38 * block, 39 * block);
  EXPECT_EQ(read(37 * block, 10 * block), expected(37 * block, 10 * block, 38 * block, 39 * block));
}

TEST_F(read_around_test, where_nothing_behind_can_be_read_it_fails) {
  files.spoil("/f", 10 * block, content.size());
  EXPECT_EQ(read(9 * block, 3 * block), expected(9 * block, 3 * block, 10 * block, 12 * block));
  EXPECT_EQ(read(10 * block, 2 * block), std::nullopt);
  EXPECT_EQ(unread, (block_set{10, 11}));
  files.heal();
  EXPECT_EQ(read(10 * block, 2 * block), content.substr(10 * block, 2 * block));
}

TEST_F(read_around_test, another_fault_is_told_at_once) {
  files.before = [](disk_op op, const std::string&) -> std::optional<fault_code> {
    if (op == disk_op::read) return fault_code::not_found;
    return std::nullopt;
  };
  std::vector<std::byte> into(10);
  const auto got = read_around(*file, 0, into, unread);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, fault_code::not_found);
  EXPECT_EQ(files.count(disk_op::read), 1U);
}

class unreadable_spool : public spool_fixture {
 protected:
  static constexpr std::uint64_t count = 400;

  unreadable_spool() {
    options = options_with(16 << 20, 32 << 10);
    payload_size = 500;
  }
  void write() {
    open();
    for (std::uint64_t n = 1; n <= count; ++n) {
      append(n);
      commit();
    }
  }
  void write_and_close() {
    write();
    ASSERT_TRUE(brain->close(now_ns, settled));
    brain.reset();
    files.settle_by_hand();
  }
  std::vector<std::string> segments() { return files.paths("/telemetry/"); }
  /// The records of the segment at `index` that have a byte from `from` to before `to`.
  std::vector<std::uint64_t> records_in(std::size_t index, std::uint64_t from, std::uint64_t to) {
    std::string payload;
    const std::size_t size =
        encoded_bytes(envelope(1, traffic_class::telemetry, ack_level::durable, payload));
    const auto paths = segments();
    std::uint64_t n = 1;
    for (std::size_t i = 0; i < index; ++i) {
      n += (files.bytes(paths[i]).size() - segment_header_bytes) / size;
    }
    std::vector<std::uint64_t> hit;
    for (std::uint64_t at = segment_header_bytes; at < files.bytes(paths[index]).size();
         at += size, ++n) {
      if (at < to && at + size > from) hit.push_back(n);
    }
    return hit;
  }
  std::vector<std::uint64_t> all_but(const std::vector<std::uint64_t>& gone) {
    std::vector<std::uint64_t> left;
    for (std::uint64_t n = 1; n <= count; ++n) {
      if (std::find(gone.begin(), gone.end(), n) == gone.end()) left.push_back(n);
    }
    return left;
  }
  /// A start, and a reader: both see everything but these, and count them.
  void expect_lost(const std::vector<std::uint64_t>& gone) {
    ASSERT_FALSE(gone.empty());
    open();
    EXPECT_EQ(numbers(visited), all_but(gone));
    EXPECT_EQ(brain->recovered().damaged_records, gone.size());
    append(count + 1);  // a reader counts a gap once it stands behind it
    commit();
    const auto s = drain_patiently(*patient_reader());
    auto left = all_but(gone);
    left.push_back(count + 1);
    EXPECT_EQ(s.numbers, left);
    EXPECT_EQ(s.damaged, gone.size());
  }

  std::unique_ptr<contract::spool_reader> patient_reader() {
    return make_reader(files, brain->view(), [this] { return clock_ns; });
  }
  /// Reads on to the end as a sink does: after a failure from its cursor, a while later.
  seen drain_patiently(contract::spool_reader& reader, std::size_t most_bytes = 1 << 20) {
    seen s;
    contract::read_block read;
    for (int failures = 0; failures < 100;) {
      if (!reader.read(read, most_bytes, 1000)) {
        ++failures;
        clock_ns += 10'000 * ms;
        EXPECT_TRUE(reader.seek(s.end));
        continue;
      }
      if (read.empty()) return s;
      s.end = read.end;
      s.damaged += read.damaged;
      for (const auto& r : read.records) s.numbers.push_back(*r.envelope.sequence);
    }
    ADD_FAILURE() << "the reader does not come to an end";
    return s;
  }
  std::uint64_t clock_ns = 0;
};

TEST_F(unreadable_spool, a_bad_block_costs_the_records_in_it) {
  write_and_close();
  ASSERT_GT(segments().size(), 4U);
  files.spoil(segments()[2], 2 * block, 3 * block);
  expect_lost(records_in(2, 2 * block, 3 * block));
}

TEST_F(unreadable_spool, a_bad_block_with_a_segments_header_costs_the_records_in_it) {
  write_and_close();
  files.spoil(segments()[2], 0, block);
  expect_lost(records_in(2, 0, block));
}

TEST_F(unreadable_spool, a_segment_of_which_nothing_can_be_read_is_counted_by_what_comes_after) {
  write_and_close();
  files.spoil(segments()[2], 0, 1 << 20);
  expect_lost(records_in(2, 0, 1 << 20));
}

TEST_F(unreadable_spool, the_last_segment_is_counted_by_the_note) {
  write_and_close();
  const std::size_t last = segments().size() - 1;
  files.spoil(segments()[last], 0, 1 << 20);
  expect_lost(records_in(last, 0, 1 << 20));
}

TEST_F(unreadable_spool, the_rest_of_the_last_segment_is_counted_by_the_note) {
  write_and_close();
  const std::size_t last = segments().size() - 1;
  files.spoil(segments()[last], 2 * block, 1 << 20);
  expect_lost(records_in(last, 2 * block, 1 << 20));
}

TEST_F(unreadable_spool, a_start_cuts_nothing_off_that_it_cannot_read) {
  write();
  brain.reset();
  files.settle_by_hand();
  files.kill();  // no note was written
  const std::string last = segments().back();
  const std::uint64_t size = files.bytes(last).size();
  const auto paths = files.paths();
  for (const auto& [from, to] : {std::pair{std::uint64_t{0}, size}, std::pair{2 * block, size},
                                 std::pair{size - 100, size}}) {
    files.spoil(last, from, to);
    EXPECT_FALSE(try_open()) << "what was acknowledged last may lie there";
    EXPECT_EQ(open_fault.code, fault_code::storage_io);
    EXPECT_NE(open_fault.detail.find("move the file away"), std::string::npos);
    EXPECT_EQ(files.paths(), paths);
    EXPECT_EQ(files.bytes(last).size(), size);
    files.heal();
  }
  open();
  EXPECT_EQ(numbers(visited), all_but({}));
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
}

/// The walk over the lane's last segment is done when the other lane's record is visited.
TEST_F(unreadable_spool, a_start_cuts_nothing_off_that_comes_back_before_it_would) {
  write();
  append(count + 1, traffic_class::event);
  commit();
  brain.reset();
  files.settle_by_hand();
  files.kill();  // no note was written
  const std::string last = segments().back();
  const std::uint64_t size = files.bytes(last).size();
  for (const std::uint64_t from : {std::uint64_t{0}, 2 * std::uint64_t{block}, size - 100}) {
    const auto paths = files.paths();
    const std::string before = files.bytes(last);
    files.spoil(last, from, size);
    bool has_healed = false;
    const auto opened =
        spool::open(files, options, 0, [&](const contract::stored_record& r, std::uint64_t) {
          if (r.in != lane::event_owed) return;
          files.heal();
          has_healed = true;
        });
    ASSERT_FALSE(opened) << from;
    EXPECT_TRUE(has_healed);
    EXPECT_EQ(opened.error().code, fault_code::storage_io);
    EXPECT_EQ(files.paths(), paths);
    EXPECT_EQ(files.bytes(last), before);
  }
  open();
  EXPECT_EQ(visited.size(), count + 1);
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
}

TEST_F(unreadable_spool, a_start_does_not_take_for_damage_what_no_note_counts) {
  open();
  for (std::uint64_t n = 1; n <= count; ++n) {
    append(n);
    commit();
    if (n == count - 3) brain->set_snapshot_floor(brain->last_lsn());
  }
  brain.reset();
  files.settle_by_hand();
  files.kill();
  const std::size_t last = segments().size() - 1;
  ASSERT_GT(records_in(last, 0, 1 << 20).size(), 3U);
  const auto paths = files.paths();
  files.spoil(segments()[last], 0, 1 << 20);
  EXPECT_FALSE(try_open());
  EXPECT_EQ(open_fault.code, fault_code::storage_io);
  EXPECT_EQ(files.paths(), paths);
  files.heal();
  open();
  EXPECT_EQ(numbers(visited), all_but({}));
}

TEST_F(unreadable_spool, a_start_does_not_write_over_what_it_cannot_read) {
  open();
  for (std::uint64_t n = 1; n <= 40; ++n) append(n);
  commit();  // all of them above the watermark
  brain.reset();
  files.settle_by_hand();
  files.kill();
  const std::string path = segments().front();
  const std::string before = files.bytes(path);
  const auto gone = records_in(0, 2 * block, 3 * block);
  files.spoil(path, 2 * block, 3 * block);
  open();
  EXPECT_EQ(visited.size(), 40 - gone.size());
  EXPECT_EQ(files.bytes(path), before) << "the records in it come back with the disk";
}

TEST_F(unreadable_spool, a_start_fails_where_the_disk_takes_back_what_it_gave) {
  open();
  for (std::uint64_t n = 1; n <= 40; ++n) append(n);
  append(count + 1, traffic_class::event);
  commit();
  brain.reset();
  files.settle_by_hand();
  files.kill();
  const std::string path = segments().front();
  const std::string before = files.bytes(path);
  const auto opened =
      spool::open(files, options, 0, [&](const contract::stored_record& r, std::uint64_t) {
        if (r.in == lane::event_owed) files.spoil(path, 2 * block, 3 * block);
      });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, fault_code::storage_io);
  EXPECT_EQ(files.bytes(path), before);
  files.heal();
  open();
  EXPECT_EQ(visited.size(), 41U);
}

TEST_F(unreadable_spool, a_start_without_a_disk_fails_and_touches_nothing) {
  write_and_close();
  const auto paths = files.paths();
  for (const auto& path : segments()) files.spoil(path, 0, 1 << 20);
  EXPECT_FALSE(try_open());
  EXPECT_EQ(open_fault.code, fault_code::storage_io);
  for (const auto& path : files.paths("spool.id")) files.spoil(path, 0, 1 << 20);
  EXPECT_FALSE(try_open()) << "not a new spool";
  EXPECT_EQ(open_fault.code, fault_code::storage_io);
  EXPECT_EQ(files.paths(), paths);
  files.heal();
  open();
  EXPECT_EQ(numbers(visited), all_but({}));
  EXPECT_EQ(brain->recovered().damaged_records, 0U);
}

TEST_F(unreadable_spool, one_readable_slot_of_its_id_is_enough) {
  write_and_close();
  for (const std::uint64_t slot : {0, 4096}) {
    files.heal();
    files.spoil("/data/spool/spool.id", slot, slot + 1);
    open();
    EXPECT_EQ(numbers(visited), all_but({}));
    ASSERT_TRUE(brain->close(now_ns, settled));
  }
}

TEST_F(unreadable_spool, a_running_reader_goes_on_behind_bad_blocks_after_a_while) {
  write();
  auto gone = records_in(2, 2 * block, 3 * block);
  const auto more = records_in(3, block, 2 * block);
  gone.insert(gone.end(), more.begin(), more.end());
  files.spoil(segments()[2], 2 * block, 3 * block);
  files.spoil(segments()[3], block, 2 * block);
  for (const std::size_t most_bytes : {std::size_t{1}, std::size_t{3000}, std::size_t{1} << 20}) {
    clock_ns = 0;
    const auto s = drain_patiently(*patient_reader(), most_bytes);
    EXPECT_EQ(s.numbers, all_but(gone));
    EXPECT_EQ(s.damaged, gone.size());
    EXPECT_GE(clock_ns, 60'000 * ms) << "30 s for each of the two";
  }
}

TEST_F(unreadable_spool, a_running_reader_goes_on_behind_a_segments_bad_end_after_a_while) {
  write();
  const std::string bad = segments()[2];
  for (const std::uint64_t from : {std::uint64_t{0}, std::uint64_t{3 * block}}) {
    files.heal();
    files.spoil(bad, from, 1 << 20);
    const auto gone = records_in(2, from, 1 << 20);
    for (const std::size_t most_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
      const auto s = drain_patiently(*patient_reader(), most_bytes);
      EXPECT_EQ(s.numbers, all_but(gone));
      EXPECT_EQ(s.damaged, gone.size());
    }
  }
}

TEST_F(unreadable_spool, a_running_reader_loses_nothing_to_a_block_that_comes_back) {
  write();
  const auto reader = patient_reader();
  contract::read_block read;
  for (int times = 0; times < 3; ++times) {
    files.spoil(segments()[0], 2 * block, 3 * block);
    for (const int seconds : {0, 1, 14, 14}) {
      clock_ns += seconds * 1000 * ms;
      EXPECT_FALSE(reader->read(read, 1 << 20, 1000));
    }
    files.heal();
    clock_ns += 1000 * ms;
    EXPECT_TRUE(reader->read(read, 1 << 20, 20));
    EXPECT_TRUE(reader->seek({}));
  }
  const auto s = drain_patiently(*reader);
  EXPECT_EQ(s.numbers, all_but({}));
  EXPECT_EQ(s.damaged, 0U);
}

TEST_F(unreadable_spool, somebody_who_only_looks_need_not_wait) {
  write();
  const auto gone = records_in(2, 2 * block, 3 * block);
  files.spoil(segments()[2], 2 * block, 3 * block);
  const auto s = drain(*make_lane_reader(files, brain->view(), lane::telemetry_owed));
  EXPECT_EQ(s.numbers, all_but(gone));
}

TEST_F(unreadable_spool, a_running_reader_waits_for_a_disk_that_is_gone_whatever_memory_holds) {
  write();
  const auto reader = patient_reader();
  contract::read_block read;
  ASSERT_TRUE(reader->read(read, 20'000, 1000));
  std::vector<std::uint64_t> delivered;
  for (const auto& r : read.records) delivered.push_back(*r.envelope.sequence);
  const contract::cursor at = read.end;
  for (const auto& path : segments()) {
    const std::uint64_t size = files.bytes(path).size();
    files.spoil(path, 0, size);
    files.hold_in_memory(path, 0, block);
    files.hold_in_memory(path, size - 2 * block, size);
  }
  for (int i = 0; i < 400; ++i) {
    const auto failed = reader->read(read, 20'000, 1000);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, fault_code::storage_io);
    clock_ns += 10'000 * ms;
    ASSERT_TRUE(reader->seek(at));
  }
  files.heal();
  const auto s = drain(*reader);
  delivered.insert(delivered.end(), s.numbers.begin(), s.numbers.end());
  EXPECT_EQ(delivered, all_but({}));
  EXPECT_EQ(s.damaged, 0U);
}

}  // namespace
}  // namespace fleetgate::spool::testing
