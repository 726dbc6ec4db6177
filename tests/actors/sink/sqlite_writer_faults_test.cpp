// What happens to a batch when the file, the disk, another process or our own end gets in its way:
// it is in the file with its cursor, or neither is, and nothing is reported that nobody can find.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/actors/sink/writer_fixture.hpp"
#include "tests/actors/sqlite/failing_disk.hpp"

namespace fleetgate::sink {
namespace {

namespace fs = std::filesystem;

class sqlite_writer_in_trouble : public testing::writer_fixture {
 protected:
  sqlite_writer_in_trouble() {
    open();
    first_ = blocks_.add_many(10).take();
    write(first_);
  }

  /// The code with which writing `block` fails.
  fault_code fault_of_write(const contract::read_block& block) {
    auto written = writer_.write(block);
    EXPECT_FALSE(written);
    return written ? fault_code::internal : written.error().code;
  }

  /// Opens again as the sink's actor does, and writes what the cursor found there leaves open.
  void recover_with(const contract::read_block& second) {
    auto found = writer_.open();
    ASSERT_TRUE(found) << to_string(found.error());
    if (*found == second.end) return;
    if (!found->has_value()) write(first_);
    write(second);
  }

  /// The log that was given a name of its own, to be found beside the database.
  std::string left_log() {
    std::string found;
    for (const auto& entry : fs::directory_iterator(fs::path(path()).parent_path())) {
      const std::string name = entry.path().string();
      if (!name.starts_with(path() + "-wal.left-")) continue;
      EXPECT_EQ(found, "") << "only one";
      found = name;
    }
    EXPECT_NE(found, "");
    return found;
  }

  contract::read_block first_;
};

/// A process that reads a database, and stays until this object goes.
class other_reader {
 public:
  explicit other_reader(const std::string& file) {
    EXPECT_EQ(::pipe(ready_), 0);
    EXPECT_EQ(::pipe(stay_), 0);
    child_ = ::fork();
    if (child_ == 0) read_and_stay(file);
    ::close(stay_[0]);
    ::close(ready_[1]);
    char byte = 0;
    is_ready_ = ::read(ready_[0], &byte, 1) == 1;
  }
  other_reader(const other_reader&) = delete;
  other_reader& operator=(const other_reader&) = delete;
  ~other_reader() {
    ::close(stay_[1]);
    ::close(ready_[0]);
    ::waitpid(child_, nullptr, 0);
  }
  [[nodiscard]] bool is_ready() const { return is_ready_; }

 private:
  [[noreturn]] void read_and_stay(const std::string& file) const {
    ::close(stay_[1]);
    auto db = sqlite::database::open({file});
    char byte = 0;
    const bool reads = db && db->execute("BEGIN; SELECT count(*) FROM messages");
    if (reads && ::write(ready_[1], &byte, 1) == 1) (void)!::read(stay_[0], &byte, 1);
    ::_exit(0);
  }

  int ready_[2]{}, stay_[2]{};
  pid_t child_ = -1;
  bool is_ready_ = false;
};

using in_trouble = sqlite_writer_in_trouble;

TEST_F(in_trouble, a_locked_database_is_transient_and_nothing_is_written) {
  const auto second = blocks_.add_many(10).take();
  {
    auto other = connect(path());
    ASSERT_TRUE(other.execute("BEGIN IMMEDIATE"));
    EXPECT_EQ(fault_of_write(second), fault_code::sink_unavailable);
  }
  EXPECT_EQ(rows(), 10);
  EXPECT_EQ(cursor_in_file(), first_.end);
  write(second);  // the same block, without opening again
  EXPECT_EQ(rows(), 20);
}

TEST_F(in_trouble, a_reader_with_a_long_transaction_does_not_hold_up_the_writer) {
  auto reader = connect(path());
  ASSERT_TRUE(reader.execute("BEGIN; SELECT count(*) FROM messages"));
  write(blocks_.add_many(10).take());
  EXPECT_EQ(rows(), 20);
}

TEST_F(in_trouble, a_row_that_is_refused_takes_the_whole_batch_back_and_is_named) {
  execute(path(),
          "CREATE TRIGGER picky BEFORE INSERT ON messages WHEN new.sequence = 17"
          " BEGIN SELECT raise(ABORT, 'not this one'); END");
  const auto second = blocks_.add_many(10).take();
  auto written = writer_.write(second);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, fault_code::sink_rejected);
  EXPECT_NE(written.error().detail.find("position 1-17"), std::string::npos)
      << written.error().detail;
  EXPECT_EQ(rows(), 10);
  EXPECT_EQ(cursor_in_file(), first_.end);
}

TEST_F(in_trouble, a_full_disk_is_storage_full_and_the_batch_can_be_written_later) {
  const auto second = blocks_.add_many(500).take();
  {
    sqlite::testing::failing_disk disk;
    disk.at_write(3, [] { return ENOSPC; });
    EXPECT_EQ(fault_of_write(second), fault_code::storage_full);
  }
  EXPECT_EQ(fault_of_write(second), fault_code::sink_lost) << "before it was opened again";
  recover_with(second);
  EXPECT_EQ(rows(), 510);
}

TEST_F(in_trouble, an_io_error_at_any_write_loses_nothing_and_doubles_nothing) {
  std::int64_t expected = 10;
  int failures = 0;
  for (int n = 1;; ++n) {
    const auto block = blocks_.add_many(100).take();
    bool failed = false;
    {
      sqlite::testing::failing_disk disk;
      disk.at_write(n, [] { return EIO; });
      auto written = writer_.write(block);
      failed = !written;
      if (failed) {
        EXPECT_EQ(written.error().code, fault_code::storage_io) << n;
      }
    }
    if (failed) recover_with(block);
    expected += 100;
    ASSERT_EQ(rows(), expected) << n;
    if (!failed) break;
    ++failures;
  }
  EXPECT_GE(failures, 5);
  EXPECT_EQ(number(path(), "SELECT count(DISTINCT position) FROM messages"), expected);
}

TEST_F(in_trouble, a_failed_sync_is_not_reported_as_written) {
  const auto second = blocks_.add_many(10).take();
  {
    sqlite::testing::failing_disk disk;
    disk.fail_syncs(EIO);
    EXPECT_EQ(fault_of_write(second), fault_code::storage_io);
  }
  // Whether the batch is in the file nobody can say before looking; either way it ends there once.
  recover_with(second);
  EXPECT_EQ(rows(), 20);
}

TEST_F(in_trouble, a_deleted_database_is_noticed_before_the_batch_is_reported) {
  remove_database(path());
  const auto second = blocks_.add_many(10).take();
  EXPECT_EQ(fault_of_write(second), fault_code::sink_lost);
  auto found = writer_.open();
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value()) << "the new file knows nothing, so everything is replayed";
  write(first_);
  write(second);
  EXPECT_EQ(rows(), 20);
}

TEST_F(in_trouble, a_database_deleted_during_the_commit_is_noticed) {
  const auto second = blocks_.add_many(10).take();
  {
    sqlite::testing::failing_disk disk;
    disk.at_write(2, [this] {
      remove_database(path());
      return 0;
    });
    EXPECT_EQ(fault_of_write(second), fault_code::sink_lost);
  }
  recover_with(second);
  EXPECT_EQ(rows(), 20);
}

TEST_F(in_trouble, a_deleted_write_ahead_log_is_noticed_and_what_it_held_is_saved) {
  fs::remove(path() + "-wal");
  EXPECT_EQ(fault_of_write(blocks_.add_many(10).take()), fault_code::sink_lost);
  EXPECT_EQ(rows(), 10);
  EXPECT_EQ(cursor_in_file(), first_.end);
}

TEST_F(in_trouble, a_database_that_was_replaced_by_another_is_noticed_and_its_cursor_counts) {
  const std::string other_path = path("other.db");
  auto other_options = options();
  other_options.path = other_path;
  sqlite_writer other(other_options);
  ASSERT_TRUE(other.open());
  testing::block_builder blocks_of_other;
  const auto ahead = blocks_of_other.add_many(4).take();
  ASSERT_TRUE(other.write(ahead));
  other.close();
  fs::rename(other_path, path());
  EXPECT_EQ(fault_of_write(blocks_.add_many(10).take()), fault_code::sink_lost);
  auto found = writer_.open();
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, ahead.end);
  EXPECT_EQ(rows(), 4) << "the old file's log must not be applied to the new file";
}

TEST_F(in_trouble, the_log_of_a_moved_database_that_a_reader_keeps_from_emptying_is_kept_for_it) {
  auto reader = connect(path());
  ASSERT_TRUE(reader.execute("BEGIN; SELECT count(*) FROM messages"));
  for (int i = 0; i < 20; ++i) write(blocks_.add_many(100).take());
  fs::rename(path(), path("moved.db"));
  execute(path("fresh.db"), "PRAGMA application_id=1");
  fs::rename(path("fresh.db"), path());
  const auto lost = writer_.write(blocks_.add_many(10).take());
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, fault_code::sink_lost);
  EXPECT_FALSE(fs::exists(path() + "-wal")) << "it would be applied to the other file";
  const std::string left = left_log();
  EXPECT_NE(lost.error().detail.find(left), std::string::npos) << lost.error().detail;
  reader.close();
  fs::rename(left, path("moved.db") + "-wal");
  EXPECT_EQ(number(path("moved.db"), "SELECT count(*) FROM messages"), 2010);
  EXPECT_EQ(text(path("moved.db"), "PRAGMA integrity_check"), "ok");
}

/// Of another process, which knows nothing of what ours does with its index of the log.
TEST_F(in_trouble, a_reader_that_stays_with_a_moved_database_does_not_disturb_the_next_one) {
  writer_.close();  // of a fork SQLite must know nothing
  const other_reader reader(path());
  ASSERT_TRUE(reader.is_ready());
  open();
  for (int i = 0; i < 20; ++i) write(blocks_.add_many(100).take());
  fs::rename(path(), path("moved.db"));
  const auto second = blocks_.add_many(10).take();
  EXPECT_EQ(fault_of_write(second), fault_code::sink_lost);
  recover_with(second);
  for (const char* suffix : {"", "-wal"}) {
    fs::copy_file(path() + suffix, path("what a crash leaves.db") + suffix);
  }
  EXPECT_EQ(number(path("what a crash leaves.db"), "SELECT count(*) FROM messages"), 20);
}

TEST_F(in_trouble, a_database_moved_away_without_its_log_keeps_what_was_reported) {
  fs::rename(path(), path("moved.db"));
  EXPECT_EQ(fault_of_write(blocks_.add_many(10).take()), fault_code::sink_lost);
  EXPECT_EQ(number(path("moved.db"), "SELECT count(*) FROM messages"), 10);
}

TEST_F(in_trouble, a_database_moved_away_is_noticed_also_where_nothing_is_written) {
  fs::rename(path(), path("moved.db"));
  const auto removed = writer_.enforce_retention(0);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, fault_code::sink_lost);
  EXPECT_EQ(number(path("moved.db"), "SELECT count(*) FROM messages"), 10);
}

TEST_F(in_trouble, the_log_of_a_database_moved_away_before_a_kill_is_kept_for_it) {
  fs::copy_file(path(), path("copy.db"));
  fs::rename(path(), path("moved.db"));
  fs::copy_file(path() + "-wal", path("log of the killed"));
  writer_.close();
  fs::copy_file(path("copy.db"), path("moved.db"), fs::copy_options::overwrite_existing);
  remove_database(path());
  fs::rename(path("log of the killed"), path() + "-wal");
  const auto lost = writer_.open();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, fault_code::sink_lost);
  const std::string left = left_log();
  EXPECT_NE(lost.error().detail.find(left), std::string::npos) << lost.error().detail;
  fs::rename(left, path("moved.db") + "-wal");
  EXPECT_EQ(number(path("moved.db"), "SELECT count(*) FROM messages"), 10);
  const auto found = writer_.open();
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_FALSE(found->has_value()) << "a new file";
  write(first_);
}

TEST_F(in_trouble, a_cursor_moved_by_somebody_else_stops_this_writer_before_it_doubles_rows) {
  sqlite_writer other(options());
  ASSERT_TRUE(other.open());
  const auto second = blocks_.add_many(10).take();
  ASSERT_TRUE(other.write(second));
  EXPECT_EQ(fault_of_write(second), fault_code::sink_lost);
  EXPECT_EQ(rows(), 20);
}

TEST_F(in_trouble, two_writers_that_both_began_on_a_new_file_meet_at_once) {
  writer_.close();
  remove_database(path());
  sqlite_writer other(options());
  open();
  ASSERT_TRUE(other.open());
  auto elsewhere = testing::block_builder(testing::spool_of(8));
  elsewhere.add_many(1);
  ASSERT_TRUE(other.write(elsewhere.take()));
  EXPECT_EQ(fault_of_write(first_), fault_code::sink_lost);
  EXPECT_EQ(rows(), 1);
}

TEST_F(in_trouble, a_dropped_table_is_permanent_and_says_so) {
  execute(path(), "DROP TABLE messages");
  auto written = writer_.write(blocks_.add_many(1).take());
  ASSERT_FALSE(written);
  EXPECT_EQ(describe(written.error().code).cls, fault_class::permanent);
  EXPECT_NE(written.error().detail.find("no such table"), std::string::npos)
      << written.error().detail;
}

/// Writes 3 blocks of 200 rows, and ends without any clean-up at its n-th write to the disk.
[[noreturn]] void write_and_die(const sqlite_sink_options& options, int n) {
  sqlite::testing::failing_disk disk;
  disk.at_write(n, [] {
    ::_exit(9);
    return 0;
  });
  sqlite_writer writer(options);
  const auto opened = writer.open();
  if (!opened) ::_exit(1);
  testing::block_builder blocks =
      *opened ? testing::block_builder(**opened) : testing::block_builder();
  for (int i = 0; i < 3; ++i) {
    if (!writer.write(blocks.add_many(200).take())) ::_exit(2);
  }
  ::_exit(0);
}

TEST_F(in_trouble, rows_and_cursor_commit_together_wherever_the_process_dies) {
  writer_.close();
  remove_database(path());
  int killed = 0;
  for (int n = 1;; ++n) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_and_die(options(), n);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_TRUE(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
    const auto at = cursor_in_file();
    const std::uint64_t last = at ? at->lanes[model::index(model::lane::telemetry_owed)].lsn : 0;
    ASSERT_EQ(rows(), static_cast<std::int64_t>(last)) << "killed at write " << n;
    ASSERT_EQ(last % 200, 0U) << "half a batch, killed at write " << n;
    if (WEXITSTATUS(status) == 0) break;
    ++killed;
  }
  EXPECT_GT(killed, 20);
  EXPECT_EQ(text(path(), "PRAGMA integrity_check"), "ok");
  EXPECT_EQ(number(path(), "SELECT count(*) FROM messages WHERE id = position"), rows());
}

}  // namespace
}  // namespace fleetgate::sink
