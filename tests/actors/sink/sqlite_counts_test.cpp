#include "actors/sink/sqlite_counts.hpp"

#include <fstream>

#include "actors/sink/sqlite_schema.hpp"
#include "tests/actors/sink/writer_fixture.hpp"

namespace fleetgate::sink {
namespace {

constexpr auto telemetry = model::index(model::lane::telemetry_owed);

/// What version 1 had beside the messages, which have not changed.
constexpr const char* as_version_1 = R"sql(
DROP TABLE fleetgate_rows;
CREATE TABLE old(reader TEXT NOT NULL, lane TEXT NOT NULL, spool TEXT NOT NULL,
  incarnation INTEGER NOT NULL, lsn INTEGER NOT NULL, PRIMARY KEY(reader, lane)) WITHOUT ROWID;
INSERT INTO old SELECT reader, lane, spool, incarnation, lsn FROM fleetgate_cursor;
DROP TABLE fleetgate_cursor;
ALTER TABLE old RENAME TO fleetgate_cursor;
PRAGMA user_version=1;
)sql";

class sqlite_counts_test : public testing::writer_fixture {
 protected:
  [[nodiscard]] sqlite_counts counts() const {
    auto found = read_counts(path());
    if (!found) ADD_FAILURE() << to_string(found.error());
    return found.value_or(sqlite_counts{});
  }
  [[nodiscard]] contract::reader_lane lane() const {
    const auto found = counts();
    EXPECT_EQ(found.readers.size(), 1U);
    return found.readers.empty() ? contract::reader_lane{} : found.readers[0].lanes[telemetry];
  }
  [[nodiscard]] fault_code refused() const {
    const auto found = read_counts(path());
    EXPECT_FALSE(found);
    return found ? fault_code::internal : found.error().code;
  }
};

TEST_F(sqlite_counts_test, are_moved_with_the_cursor_and_the_rows) {
  open();
  write(blocks_.add_many(5).take());
  blocks_.add_many(4);
  blocks_.add().kind = model::record_kind::quarantined;
  auto block = blocks_.take();
  block.passed[telemetry].through += 6;
  block.passed[telemetry].marks = 1;
  block.passed[telemetry].damaged = 2;
  block.passed[telemetry].shed = 3;
  const auto missed = writer_.write(block);
  ASSERT_TRUE(missed);
  EXPECT_EQ((*missed)[telemetry], (contract::missed_records{3, 2}));
  EXPECT_EQ(lane(), (contract::reader_lane{16, 0, 9, 2, 3, 2, 0}));
  const auto found = counts();
  EXPECT_EQ(found.readers[0].name, "archive");
  EXPECT_EQ(found.readers[0].at, block.end);
  EXPECT_EQ(found.rows, 9U);
  EXPECT_EQ(found.uncounted, 0U);
}

TEST_F(sqlite_counts_test, are_those_of_the_cursor_also_where_the_file_is_opened_again) {
  open();
  write(blocks_.add_many(5).take());
  open();
  write(blocks_.add_many(5).take());
  EXPECT_EQ(lane(), (contract::reader_lane{10, 0, 10}));
}

TEST_F(sqlite_counts_test, stay_where_a_block_could_not_be_written) {
  open();
  write(blocks_.add_many(5).take());
  auto other = connect(path());
  ASSERT_TRUE(other.begin());
  const auto block = blocks_.add_many(5).take();
  EXPECT_FALSE(writer_.write(block));
  other.rollback();
  EXPECT_EQ(lane().delivered, 5U);
  write(block);
  EXPECT_EQ(lane(), (contract::reader_lane{10, 0, 10}));
}

TEST_F(sqlite_counts_test, say_how_far_a_reader_was_sent_back) {
  open();
  write(blocks_.add_many(5).take());
  contract::read_block nothing;
  nothing.end = *cursor_in_file();
  nothing.end.lanes[telemetry] = {1, 2};
  nothing.back_to.emplace();
  (*nothing.back_to)[telemetry] = 2;
  write(nothing);
  EXPECT_EQ(lane(), (contract::reader_lane{2, 0, 5, 0, 0, 0, 3}));
}

TEST_F(sqlite_counts_test, say_how_many_rows_retention_has_removed) {
  auto limited = options();
  limited.retention_age = std::chrono::seconds(1);
  sqlite_writer writer(limited);
  ASSERT_TRUE(writer.open());
  ASSERT_TRUE(writer.write(blocks_.add_many(5).take()));
  EXPECT_EQ(writer.enforce_retention(1'900'000'000'000'000'000).value_or(0), 4U);
  const auto found = counts();
  EXPECT_EQ(found.rows, 1U);
  EXPECT_EQ(found.removed, 4U);
  EXPECT_EQ(found.readers[0].lanes[telemetry].delivered, 5U);
}

TEST_F(sqlite_counts_test, of_an_older_file_begin_at_its_cursor_and_with_its_rows) {
  open();
  write(blocks_.add_many(5).take());
  writer_.close();
  execute(path(), as_version_1);
  EXPECT_EQ(refused(), fault_code::config_invalid);
  open();
  EXPECT_EQ(lane(), contract::reader_lane{}) << "nobody knows what lies before the cursor";
  EXPECT_EQ(counts().uncounted, 5U);
  EXPECT_EQ(counts().readers[0].at, *cursor_in_file());
  write(blocks_.add_many(3).take());
  EXPECT_EQ(lane(), (contract::reader_lane{8, 5, 3}));
  EXPECT_EQ(counts().uncounted, 5U);
  EXPECT_EQ(counts().rows, 8U);
}

TEST_F(sqlite_counts_test, are_told_from_a_file_that_is_not_there_or_not_a_sinks) {
  EXPECT_EQ(refused(), fault_code::not_found);
  execute(path(), "CREATE TABLE theirs(x)");
  EXPECT_EQ(refused(), fault_code::config_invalid);
  remove_database(path());
  std::ofstream(path()) << "this is no database, and as long as the header of one would have been, "
                           "which is a hundred bytes at least";
  EXPECT_EQ(refused(), fault_code::storage_damaged);
}

TEST_F(sqlite_counts_test, with_a_cursor_that_makes_no_sense_are_an_error) {
  open();
  write(blocks_.add_many(5).take());
  writer_.close();
  execute(path(), "UPDATE fleetgate_cursor SET lane='nowhere' WHERE lane='event'");
  EXPECT_EQ(refused(), fault_code::storage_damaged);
}

}  // namespace
}  // namespace fleetgate::sink
