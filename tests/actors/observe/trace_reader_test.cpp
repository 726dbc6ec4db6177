#include "actors/observe/trace_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "tests/actors/observe/recording_fixture.hpp"

namespace fleetgate::observe {
namespace {

using model::trace_event;
using testing::ElementsAre;
using testing::IsEmpty;

using trace_reader = recording_test;

void allow_to_write(const std::string& path) {
  std::filesystem::permissions(path, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
}

void overwrite(const std::string& path, std::uint64_t offset, const std::string& bytes) {
  allow_to_write(path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
}

TEST_F(trace_reader, a_ring_keeps_the_newest) {
  auto writer = make("journal", 4, 4);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    writer.write(note(trace_event::synced, i), static_cast<std::int64_t>(2000 + i));
  }
  trace_file_report report;
  EXPECT_THAT(sequences(path("journal"), report), ElementsAre(7, 8, 9, 10));
  EXPECT_EQ(report.ordinary_since_ns, 2007);
  EXPECT_EQ(report.anomalies_since_ns, 1000) << "nothing of them was overwritten";
}

TEST_F(trace_reader, nobody_is_let_write_a_ring) {
  using std::filesystem::perms;
  make("journal", 4, 4);
  const auto allowed = std::filesystem::status(path("journal")).permissions();
  EXPECT_EQ(allowed & (perms::owner_write | perms::group_write | perms::others_all), perms::none);
  EXPECT_EQ(allowed & perms::owner_read, perms::owner_read);
}

TEST_F(trace_reader, a_ring_that_was_truncated_is_lost_and_ends_nobody) {
  auto writer = make("journal", 4, 4);
  allow_to_write(path("journal"));
  std::filesystem::resize_file(path("journal"), 0);
  for (std::uint64_t i = 1; i <= 10; ++i) writer.write(note(trace_event::synced, i), 2000);
  EXPECT_TRUE(writer.is_lost());
}

TEST_F(trace_reader, ordinary_traffic_never_pushes_out_an_anomaly) {
  auto writer = make("journal", 4, 4);
  writer.write(note(trace_event::refused, 77), 2000);
  for (std::uint64_t i = 1; i <= 1000; ++i) writer.write(note(trace_event::synced, i), 3000);
  trace_file_report report;
  EXPECT_THAT(sequences(path("journal"), report), ElementsAre(77, 997, 998, 999, 1000));
}

TEST_F(trace_reader, knows_whose_file_it_is) {
  make("journal", 4, 4);
  trace_file_report report;
  EXPECT_THAT(sequences(path("journal"), report), IsEmpty());
  EXPECT_EQ(report.head.node, "node-1");
  EXPECT_EQ(report.head.thread, "journal");
  EXPECT_EQ(report.head.start_time_ns, 1000);
  EXPECT_EQ(report.head.incarnation, 3u);
  EXPECT_EQ(report.unreadable, 0u);
  EXPECT_FALSE(report.truncated);
}

TEST_F(trace_reader, a_torn_record_is_passed_over_and_counted) {
  auto writer = make("journal", 4, 4);
  for (std::uint64_t i = 1; i <= 3; ++i) writer.write(note(trace_event::refused, i), 2000);
  overwrite(path("journal"), trace_head_bytes + trace_record_bytes + 60, "torn");
  trace_file_report report;
  EXPECT_THAT(sequences(path("journal"), report), ElementsAre(1, 3));
  EXPECT_EQ(report.unreadable, 1u);
}

TEST_F(trace_reader, a_file_that_is_no_ring_is_a_fault) {
  for (const std::string& text : {std::string(), std::string("FGTRACE"), std::string(9000, 'x')}) {
    std::ofstream(path("foreign")) << text;
    const auto read = read_trace_file(path("foreign"), [](const trace_record&) { FAIL(); });
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, fault_code::storage_damaged);
  }
  const auto missing = read_trace_file(path("none"), [](const trace_record&) { FAIL(); });
  EXPECT_EQ(missing.error().code, fault_code::not_found);
}

TEST_F(trace_reader, a_head_that_was_changed_is_a_fault) {
  make("journal", 4, 4);
  for (const std::uint64_t offset : {0, 8, 12, 32, 100, 4095}) {
    make("changed" + std::to_string(offset), 4, 4);
    overwrite(path("changed" + std::to_string(offset)), offset, "\x7f");
    EXPECT_FALSE(read_trace_file(path("changed" + std::to_string(offset)), [](const trace_record&) {
      FAIL();
    })) << offset;
  }
}

TEST_F(trace_reader, what_is_left_of_a_truncated_file_is_read) {
  auto writer = make("journal", 4, 4);
  for (std::uint64_t i = 1; i <= 4; ++i) writer.write(note(trace_event::refused, i), 2000);
  writer = trace_writer();
  allow_to_write(path("journal"));
  for (std::uint64_t left = 0; left <= 8 * trace_record_bytes; left += 40) {
    std::filesystem::resize_file(path("journal"), trace_head_bytes + left);
    trace_file_report report;
    const auto whole = std::min<std::uint64_t>(left / trace_record_bytes, 4);
    if (left > 4 * trace_record_bytes) break;
    EXPECT_LE(sequences(path("journal"), report).size(), whole);
    EXPECT_TRUE(report.truncated);
  }
}

TEST_F(trace_reader, what_is_read_while_it_is_written_is_whole) {
  constexpr std::uint64_t records = 200'000;
  auto writer = make("journal", 16, 64);
  std::thread other([&] {
    for (std::uint64_t i = 1; i <= records; ++i) {
      trace_note n = note(trace_event::synced, i);
      n.first_lsn = i;
      n.last_lsn = i + 1;
      writer.write(n, static_cast<std::int64_t>(i));
    }
  });
  for (int round = 0; round < 200; ++round) {
    const auto read = read_trace_file(path("journal"), [](const trace_record& r) {
      EXPECT_EQ(r.note.sequence, r.number);
      EXPECT_EQ(r.note.last_lsn, r.number + 1);
      EXPECT_EQ(r.time_ns, static_cast<std::int64_t>(r.number));
    });
    ASSERT_TRUE(read) << to_string(read.error());
  }
  other.join();
  trace_file_report report;
  EXPECT_EQ(sequences(path("journal"), report).back(), records);
}

TEST_F(trace_reader, all_files_of_all_starts_are_one_timeline) {
  for (const std::int64_t start : {1000, 2000}) {
    auto recorder = flight_recorder::open({data_dir_, "node-1", start, 1, 64 * 1024});
    ASSERT_TRUE(recorder) << to_string(recorder.error());
    auto journal = recorder->writer("journal", 0.5);
    auto shard = recorder->writer("shard-0", 0.5);
    ASSERT_TRUE(journal && shard && recorder->keep());
    journal->write(note(trace_event::duplicate, 1), start + 3);
    shard->write(note(trace_event::shed, 2), start + 1);
    journal->write(note(trace_event::synced, 3), start + 2);
  }
  const auto found = read_recordings(data_dir_, [](const trace_record&) { return true; });
  ASSERT_TRUE(found) << to_string(found.error());
  std::vector<std::int64_t> times;
  for (const auto& l : found->lines) times.push_back(l.record.time_ns);
  EXPECT_THAT(times, ElementsAre(1001, 1002, 1003, 2001, 2002, 2003));
  EXPECT_EQ(found->files.size(), 4u);
  EXPECT_EQ(found->files[found->lines.back().file].head.thread, "journal");
}

TEST_F(trace_reader, a_foreign_file_among_the_rings_is_named_and_passed_over) {
  auto recorder = flight_recorder::open({data_dir_, "node-1", 1000, 1, 64 * 1024});
  ASSERT_TRUE(recorder);
  ASSERT_TRUE(recorder->writer("journal", 1) && recorder->keep());
  const std::string foreign = recordings_in(data_dir_) + "/1/other.ring";
  std::ofstream(foreign) << "nothing of ours";
  const auto found = read_recordings(data_dir_, [](const trace_record&) { return true; });
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_EQ(found->files.size(), 1u);
  EXPECT_THAT(found->foreign, ElementsAre(foreign));
}

TEST_F(trace_reader, a_file_that_cannot_be_read_is_named_and_the_others_are_read) {
  for (const std::int64_t start : {1000, 2000}) {
    auto recorder = flight_recorder::open({data_dir_, "node-1", start, 1, 64 * 1024});
    ASSERT_TRUE(recorder);
    auto journal = recorder->writer("journal", 1);
    ASSERT_TRUE(journal && recorder->keep());
    journal->write(note(trace_event::duplicate, 1), start + 1);
  }
  const std::string unread = recordings_in(data_dir_) + "/1/other.ring";
  std::filesystem::create_directory(unread);
  const std::string pipe = recordings_in(data_dir_) + "/1/pipe.ring";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto found = read_recordings(data_dir_, [](const trace_record&) { return true; });
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_EQ(found->files.size(), 2u);
  EXPECT_EQ(found->lines.size(), 2u);
  ASSERT_EQ(found->unread.size(), 2u);
  for (const fault& f : found->unread) {
    EXPECT_EQ(f.code, fault_code::storage_io);
    EXPECT_TRUE(f.detail.starts_with(unread) || f.detail.starts_with(pipe)) << f.detail;
  }
}

TEST_F(trace_reader, where_nothing_was_recorded_is_a_fault) {
  const auto found = read_recordings(data_dir_, [](const trace_record&) { return true; });
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, fault_code::not_found);
}

trace_record record_of(trace_note n, std::string_view subject, std::int64_t time_ns) {
  n.subject = subject;
  return *decode_trace_record(encode_trace_record(n, 1, time_ns));
}

TEST(trace_filter, asks_only_what_is_set) {
  trace_note n;
  n.event = trace_event::duplicate;
  n.cls = model::traffic_class::event;
  n.trace = {1, 2};
  n.sequence = 5;
  const auto r = record_of(n, "press-1", 100);
  const auto passes = [&](auto&& set) {
    trace_filter f;
    set(f);
    return f.passes(r);
  };
  EXPECT_TRUE(passes([](auto&) {}));
  EXPECT_TRUE(passes([](auto& f) { f.subject = "press-1"; }));
  EXPECT_FALSE(passes([](auto& f) { f.subject = "press-11"; }));
  EXPECT_TRUE(passes([](auto& f) { f.trace = model::trace_id{1, 2}; }));
  EXPECT_FALSE(passes([](auto& f) { f.trace = model::trace_id{1, 3}; }));
  EXPECT_TRUE(passes([](auto& f) { f.cls = model::traffic_class::event; }));
  EXPECT_FALSE(passes([](auto& f) { f.cls = model::traffic_class::control; }));
  EXPECT_TRUE(passes([](auto& f) { f.event = trace_event::duplicate; }));
  EXPECT_FALSE(passes([](auto& f) { f.event = trace_event::refused; }));
  EXPECT_TRUE(passes([](auto& f) { f.sequence = 5; }));
  EXPECT_FALSE(passes([](auto& f) { f.sequence = 6; }));
  EXPECT_TRUE(passes([](auto& f) { f.since_ns = 100, f.until_ns = 100; }));
  EXPECT_FALSE(passes([](auto& f) { f.since_ns = 101; }));
  EXPECT_FALSE(passes([](auto& f) { f.until_ns = 99; }));
  EXPECT_TRUE(passes([](auto& f) { f.anomalies_only = true; }));
}

TEST(trace_filter, what_is_ordinary_is_no_anomaly) {
  trace_note n;
  n.event = trace_event::synced;
  trace_filter f;
  f.anomalies_only = true;
  EXPECT_FALSE(f.passes(record_of(n, "", 1)));
}

}  // namespace
}  // namespace fleetgate::observe
