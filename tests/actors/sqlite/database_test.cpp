#include "actors/sqlite/database.hpp"

#include <sys/stat.h>

#include "tests/actors/sqlite/database_fixture.hpp"

namespace fleetgate::sqlite {
namespace {

class a_database : public testing::database_fixture {
 protected:
  a_database() : db_(connect(path())) { EXPECT_TRUE(db_.execute("CREATE TABLE t(x NOT NULL)")); }
  std::int64_t rows() { return db_.ask_integer("SELECT count(*) FROM t").value(); }
  database db_;
};

TEST_F(a_database, transaction_that_fails_leaves_nothing_and_can_be_followed_by_another) {
  const auto failed = in_transaction(db_, [&]() -> result<void> {
    if (auto done = db_.execute("INSERT INTO t VALUES(1)"); !done) return done;
    return db_.execute("INSERT INTO t VALUES(NULL)");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, fault_code::sink_rejected);
  EXPECT_EQ(rows(), 0);
  EXPECT_TRUE(in_transaction(db_, [&] { return db_.execute("INSERT INTO t VALUES(1)"); }));
  EXPECT_EQ(rows(), 1);
}

TEST_F(a_database, is_no_pipe_that_would_hold_up_whoever_reads_it) {
  ASSERT_EQ(::mkfifo(path("pipe.db").c_str(), 0600), 0);
  for (const bool read_only : {true, false}) {
    open_options options;
    options.path = path("pipe.db");
    options.read_only = read_only;
    const auto opened = database::open(options);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().detail.find("pipe.db is not a regular file"), std::string::npos);
  }
}

TEST_F(a_database, statement_reports_a_bind_that_failed_once) {
  auto insert = db_.prepare("INSERT INTO t VALUES(?1)");
  ASSERT_TRUE(insert);
  insert->bind(2, 1);  // there is no second parameter
  EXPECT_FALSE(insert->run());
  insert->bind(1, 1);
  EXPECT_TRUE(insert->run());
  EXPECT_EQ(rows(), 1);
}

TEST_F(a_database, statement_can_run_again_after_it_failed) {
  auto insert = db_.prepare("INSERT INTO t VALUES(?1)");
  ASSERT_TRUE(insert);
  insert->bind_null(1);
  EXPECT_EQ(insert->run().error().code, fault_code::sink_rejected);
  insert->bind(1, 5);
  EXPECT_TRUE(insert->run());
}

TEST_F(a_database, empty_text_and_empty_bytes_are_not_null) {
  auto insert = db_.prepare("INSERT INTO t VALUES(?1)");
  ASSERT_TRUE(insert);
  insert->bind_text(1, {});
  EXPECT_TRUE(insert->run());
  insert->bind_blob(1, {});
  EXPECT_TRUE(insert->run());
  EXPECT_EQ(text(path(), "SELECT group_concat(typeof(x)) FROM t"), "text,blob");
}

TEST_F(a_database, fault_names_the_file_and_says_what_sqlite_said) {
  const auto failed = db_.execute("INSERT INTO nowhere VALUES(1)");
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().detail.find(path()), std::string::npos) << failed.error().detail;
  EXPECT_NE(failed.error().detail.find("no such table: nowhere"), std::string::npos);
}

}  // namespace
}  // namespace fleetgate::sqlite
