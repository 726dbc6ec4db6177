#include "actors/node/kept_files.hpp"

#include "actors/spool/posix_file_layer.hpp"
#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct kept_files_that : testing::Test {
  kept_files_that() {
    dir.write("data/lock", "");
    fs::create_directories(dir / "data/spool/lane");
    EXPECT_TRUE(files.keep(dir / "data/lock"));
    EXPECT_TRUE(files.keep(dir / "data/spool"));
    auto made = files.create(segment);
    EXPECT_TRUE(made);
    file = std::move(*made);
    EXPECT_TRUE(file->write_at(0, as_bytes("x")));
    EXPECT_TRUE(file->sync());
  }
  void move(const std::string& from, const std::string& to) const {
    fs::rename(dir / from, dir / to);
  }
  /// The complaint of a sync; "" where it promises.
  std::string complaint() {
    const auto synced = file->sync();
    if (synced) return "";
    EXPECT_EQ(synced.error().code, fault_code::storage_io);
    return synced.error().detail;
  }

  temporary_directory dir;
  spool::posix_file_layer below;
  kept_files files{below};
  const std::string segment = dir / "data/spool/lane/1";
  std::unique_ptr<contract::file> file;
};

using kept = kept_files_that;

TEST_F(kept, were_moved_with_their_directory_promise_nothing_until_they_are_back) {
  move("data", "elsewhere");
  EXPECT_THAT(complaint(), HasSubstr((dir / "data/lock") + " was moved"));
  move("elsewhere", "data");
  EXPECT_EQ(complaint(), "");
}

TEST_F(kept, were_moved_with_their_lane_alone_promise_nothing) {
  move("data/spool/lane", "data/spool/other");
  EXPECT_TRUE(files.check());
  EXPECT_THAT(complaint(), HasSubstr(segment + " was moved"));
}

TEST_F(kept, were_replaced_promise_nothing) {
  move("data/spool", "old");
  fs::copy(dir / "old", dir / "data/spool", fs::copy_options::recursive);
  EXPECT_THAT(complaint(), HasSubstr((dir / "data/spool") + " was moved"));
}

TEST_F(kept, lost_their_lock_promise_nothing) {
  fs::remove(dir / "data/lock");
  EXPECT_THAT(complaint(), HasSubstr("put it back, or restart"));
  EXPECT_FALSE(files.check());
  dir.write("data/lock", "");
  EXPECT_FALSE(files.check()) << "another one";
}

TEST_F(kept, are_opened_again_are_kept_too) {
  auto again = files.open_for_writing(segment);
  ASSERT_TRUE(again);
  file = std::move(*again);
  EXPECT_EQ(complaint(), "");
  fs::remove(segment);
  EXPECT_NE(complaint(), "");
}

TEST_F(kept, are_listed_only_where_they_were_kept) {
  const auto listed = files.list(dir / "data/spool/lane");
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), 1U);
  move("data/spool", "old");
  fs::create_directories(dir / "data/spool/lane");  // as below a mount that went away
  const auto other = files.list(dir / "data/spool/lane");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, fault_code::storage_io);
  move("data/spool", "empty");
  move("old", "data/spool");
  EXPECT_TRUE(files.list(dir / "data/spool/lane"));
}

TEST_F(kept, are_not_there_cannot_be_kept) {
  EXPECT_FALSE(files.keep(dir / "data/absent"));
}

}  // namespace
}  // namespace fleetgate::node
