#include "actors/sqlite/file_watch.hpp"

#include "tests/actors/sqlite/database_fixture.hpp"

namespace fleetgate::sqlite {
namespace {

namespace fs = std::filesystem;

class file_watch_of : public testing::database_fixture {
 protected:
  void open(const std::string& file) {
    db_ = connect(file);
    ASSERT_TRUE(db_.execute("PRAGMA journal_mode=WAL; CREATE TABLE t(x)"));
    auto watch = file_watch::of(db_);
    ASSERT_TRUE(watch) << to_string(watch.error());
    watch_ = *watch;
  }
  database db_;
  file_watch watch_;
};

TEST_F(file_watch_of, an_untouched_database_is_in_place_also_after_writes_and_checkpoints) {
  open(path());
  ASSERT_TRUE(db_.execute("INSERT INTO t VALUES(1); PRAGMA wal_checkpoint(TRUNCATE)"));
  EXPECT_EQ(number(path(), "SELECT count(*) FROM t"), 1);
  EXPECT_TRUE(watch_.in_place());
}

TEST_F(file_watch_of, a_deleted_file_is_not_in_place) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    remove_database(path());
    open(path());
    ASSERT_TRUE(watch_.in_place());
    fs::remove(path() + suffix);
    EXPECT_FALSE(watch_.in_place()) << suffix;
    db_.close();
  }
}

TEST_F(file_watch_of, a_replaced_file_is_not_in_place) {
  open(path());
  fs::copy_file(path(), path("copy.db"));
  fs::rename(path("copy.db"), path());
  EXPECT_FALSE(watch_.in_place());
}

TEST_F(file_watch_of, a_link_that_was_turned_to_another_file_is_not_in_place) {
  fs::create_symlink(path("first.db"), path("link.db"));
  open(path("link.db"));
  ASSERT_TRUE(watch_.in_place());
  fs::remove(path("link.db"));
  fs::create_symlink(path("second.db"), path("link.db"));
  EXPECT_FALSE(watch_.in_place());
}

TEST(file_watch, of_nothing_is_never_in_place) {
  EXPECT_FALSE(file_watch().in_place());
}

}  // namespace
}  // namespace fleetgate::sqlite
