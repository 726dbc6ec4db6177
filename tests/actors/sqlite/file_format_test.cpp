#include "actors/sqlite/file_format.hpp"

#include <fstream>
#include <iterator>

#include "tests/actors/sqlite/database_fixture.hpp"

namespace fleetgate::sqlite {
namespace {

constexpr file_format format{"the test", 4711, 2, "PRAGMA page_size=8192",
                             "CREATE TABLE IF NOT EXISTS things(x)"};

class a_file : public testing::database_fixture {
 protected:
  [[nodiscard]] result<void> adopt_it() const {
    auto db = database::open({path(), std::chrono::milliseconds(0), fault_code::sink_unavailable});
    if (!db) return tl::unexpected(db.error());
    return adopt(*db, format);
  }
  [[nodiscard]] std::string contents() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(a_file, that_is_new_becomes_ours_in_wal_mode) {
  ASSERT_TRUE(adopt_it());
  EXPECT_EQ(number(path(), "PRAGMA application_id"), 4711);
  EXPECT_EQ(number(path(), "PRAGMA user_version"), 2);
  EXPECT_EQ(number(path(), "PRAGMA page_size"), 8192);
  EXPECT_EQ(text(path(), "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(number(path(), "SELECT count(*) FROM things"), 0);
}

TEST_F(a_file, that_is_adopted_is_flushed_at_each_commit) {
  auto db = connect(path());
  ASSERT_TRUE(adopt(db, format));
  EXPECT_EQ(db.ask_integer("PRAGMA synchronous").value(), 2);  // FULL
}

TEST_F(a_file, that_is_ours_is_accepted_again_with_its_contents) {
  ASSERT_TRUE(adopt_it());
  execute(path(), "INSERT INTO things VALUES(1)");
  ASSERT_TRUE(adopt_it());
  EXPECT_EQ(number(path(), "SELECT count(*) FROM things"), 1);
}

TEST_F(a_file, of_an_older_version_is_taken_to_this_one_once) {
  constexpr file_format first{"the test", 4711, 1, "", "CREATE TABLE IF NOT EXISTS things(x)"};
  auto db = connect(path());
  ASSERT_TRUE(adopt(db, first));
  ASSERT_TRUE(db.execute("INSERT INTO things VALUES(1)"));
  db.close();
  constexpr const char* upgrades[] = {"ALTER TABLE things ADD COLUMN y DEFAULT 7"};
  file_format second = format;
  second.schema = "CREATE TABLE IF NOT EXISTS things(x, y)";
  second.upgrades = upgrades;
  for (int times = 0; times < 2; ++times) {
    db = connect(path());
    const auto adopted = adopt(db, second);
    ASSERT_TRUE(adopted) << to_string(adopted.error());
    db.close();
    EXPECT_EQ(number(path(), "SELECT y FROM things"), 7);
    EXPECT_EQ(number(path(), "PRAGMA user_version"), 2);
  }
}

TEST_F(a_file, of_another_program_is_refused_and_left_as_it_was) {
  execute(path(), "CREATE TABLE theirs(x)");
  const std::string before = contents();
  const auto refused = adopt_it();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, fault_code::config_invalid);
  EXPECT_NE(refused.error().detail.find(path()), std::string::npos) << refused.error().detail;
  EXPECT_EQ(contents(), before);
}

TEST_F(a_file, of_another_program_without_tables_is_refused_too) {
  execute(path(), "PRAGMA application_id=99");
  EXPECT_EQ(adopt_it().error().code, fault_code::config_invalid);
}

TEST_F(a_file, of_a_newer_version_is_refused_and_left_as_it_was) {
  ASSERT_TRUE(adopt_it());
  execute(path(), "PRAGMA user_version=3");
  const std::string before = contents();
  const auto refused = adopt_it();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, fault_code::config_invalid);
  EXPECT_NE(refused.error().detail.find("newer"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(contents(), before);
}

TEST_F(a_file, that_is_no_database_is_damaged_and_left_as_it_was) {
  std::ofstream(path()) << std::string(4096, 'x');
  EXPECT_EQ(adopt_it().error().code, fault_code::storage_damaged);
  EXPECT_EQ(contents(), std::string(4096, 'x'));
}

TEST_F(a_file, whose_directory_is_missing_is_unavailable) {
  auto db = database::open({path("no/such/file.db"), {}, fault_code::sink_unavailable});
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code, fault_code::sink_unavailable);
}

}  // namespace
}  // namespace fleetgate::sqlite
