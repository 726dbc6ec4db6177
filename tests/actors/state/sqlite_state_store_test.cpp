#include "actors/state/sqlite_state_store.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "tests/actors/sqlite/database_fixture.hpp"
#include "tests/actors/sqlite/failing_disk.hpp"

namespace fleetgate::state {
namespace {

using namespace std::string_literals;
using contract::state_change;

class sqlite_state_store_in_a_directory : public sqlite::testing::database_fixture {
 protected:
  sqlite_state_store_in_a_directory() { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = sqlite_state_store::open(directory());
    ASSERT_TRUE(opened) << to_string(opened.error());
    store_ = std::move(*opened);
  }
  [[nodiscard]] std::string directory() const {
    return std::filesystem::path(path()).parent_path().string();
  }
  void apply(const std::vector<state_change>& changes) {
    auto done = store_->apply(changes);
    ASSERT_TRUE(done) << to_string(done.error());
  }
  [[nodiscard]] std::optional<std::string> get(std::string_view table, std::string_view key) {
    auto got = store_->get(table, key);
    EXPECT_TRUE(got) << to_string(got.error());
    return got.value_or(std::nullopt);
  }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> scan(std::string_view table) {
    std::vector<std::pair<std::string, std::string>> all;
    EXPECT_TRUE(store_->scan(table, [&](auto key, auto value) { all.emplace_back(key, value); }));
    return all;
  }

  std::unique_ptr<sqlite_state_store> store_;
};

using store = sqlite_state_store_in_a_directory;

TEST_F(store, returns_what_was_put_and_nothing_for_what_was_not) {
  apply({{"window", "pump-1", "abc"}});
  EXPECT_EQ(get("window", "pump-1"), "abc");
  EXPECT_EQ(get("window", "pump-2"), std::nullopt);
  EXPECT_EQ(get("session", "pump-1"), std::nullopt);
}

TEST_F(store, replaces_and_removes_in_the_order_given) {
  apply({{"t", "k", "1"}, {"t", "k", "2"}, {"t", "gone", "x"}, {"t", "gone", std::nullopt}});
  EXPECT_EQ(get("t", "k"), "2");
  EXPECT_EQ(get("t", "gone"), std::nullopt);
  apply({{"t", "never was", std::nullopt}});
}

TEST_F(store, keeps_any_bytes_in_keys_and_values) {
  const std::string odd = "\0\xff'; DROP TABLE state; --"s;
  apply({{"t", odd, odd}, {"t", "", ""}});
  EXPECT_EQ(get("t", odd), odd);
  EXPECT_EQ(get("t", ""), "");
}

TEST_F(store, scans_one_table_in_the_order_of_bytes) {
  apply(
      {{"t", "b", "2"}, {"t", "\xff", "4"}, {"t", "B", "1"}, {"t", "b\0"s, "3"}, {"u", "a", "0"}});
  const std::vector<std::pair<std::string, std::string>> expected{
      {"B", "1"}, {"b", "2"}, {"b\0"s, "3"}, {"\xff", "4"}};
  EXPECT_EQ(scan("t"), expected);
  EXPECT_TRUE(scan("nothing").empty());
}

TEST_F(store, has_everything_after_it_was_opened_again) {
  apply({{"t", "k", "v"}});
  reopen();
  EXPECT_EQ(get("t", "k"), "v");
}

TEST_F(store, is_synced_when_apply_returns) {
  sqlite::testing::failing_disk disk;
  apply({{"t", "k", "v"}});
  ASSERT_NE(disk.events().find('w'), std::string::npos);
  EXPECT_EQ(disk.events().back(), 's') << disk.events();
}

TEST_F(store, applies_all_or_nothing_when_the_disk_fails) {
  apply({{"t", "a", "old"}});
  for (const auto& [error, code] :
       {std::pair{EIO, fault_code::storage_io}, std::pair{ENOSPC, fault_code::storage_full}}) {
    sqlite::testing::failing_disk disk;
    disk.at_write(2, [error = error] { return error; });
    const auto failed = store_->apply({{"t", "a", "new"}, {"t", "b", "new"}});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, code);
    EXPECT_EQ(get("t", "a"), "old");
    EXPECT_EQ(get("t", "b"), std::nullopt);
  }
  apply({{"t", "a", "new"}});
  EXPECT_EQ(get("t", "a"), "new");
}

TEST_F(store, locked_by_somebody_else_can_still_be_read) {
  apply({{"t", "k", "v"}});
  auto other = connect(path("state.db"));
  ASSERT_TRUE(other.execute("BEGIN IMMEDIATE"));
  EXPECT_EQ(get("t", "k"), "v");
}

TEST_F(store, that_is_not_in_place_stores_nothing_more_until_it_is_put_back) {
  apply({{"t", "k", "old"}});
  const std::string aside = path("aside.db");
  std::filesystem::rename(path("state.db"), aside);
  for (const bool another_is_there : {false, true}) {
    if (another_is_there) std::ofstream(path("state.db")) << "somebody else's";
    EXPECT_FALSE(store_->check_in_place());
    const auto failed = store_->apply({{"t", "k", "new"}});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, fault_code::storage_io);
    EXPECT_NE(failed.error().detail.find("put it back, or restart"), std::string::npos);
    EXPECT_EQ(get("t", "k"), "old");
  }
  std::filesystem::rename(aside, path("state.db"));
  EXPECT_TRUE(store_->check_in_place());
  apply({{"t", "k", "new"}});
  EXPECT_EQ(get("t", "k"), "new");
}

TEST_F(store, that_goes_while_it_is_written_says_so) {
  apply({{"t", "k", "old"}});
  sqlite::testing::failing_disk disk;
  disk.at_write(1, [this] {
    remove_database(path("state.db"));
    return 0;
  });
  const auto failed = store_->apply({{"t", "k", "new"}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, fault_code::storage_io);
}

TEST_F(store, that_was_replaced_leaves_the_new_one_as_it_is) {
  apply({{"t", "k", "old"}});
  std::filesystem::rename(path("state.db"), path("aside.db"));
  execute(path("state.db"), "CREATE TABLE theirs(x)");
  store_.reset();
  EXPECT_EQ(number(path("state.db"), "SELECT count(*) FROM sqlite_master"), 1);
  EXPECT_EQ(number(path("aside.db"), "SELECT count(*) FROM state"), 1) << "what was called stored";
}

TEST_F(store, can_be_changed_while_it_is_scanned_and_the_scan_sees_one_moment) {
  apply({{"t", "a", "1"}, {"t", "b", "1"}});
  std::string seen;
  ASSERT_TRUE(store_->scan("t", [&](auto key, auto value) {
    seen.append(key).append(value);
    apply({{"t", "b", "2"}, {"t", "c", "2"}});
  }));
  EXPECT_EQ(seen, "a1b1");
  EXPECT_EQ(get("t", "c"), "2");
}

TEST_F(store, of_another_program_or_a_newer_version_is_refused) {
  store_.reset();
  execute(path("state.db"), "PRAGMA user_version=99");
  EXPECT_EQ(sqlite_state_store::open(directory()).error().code, fault_code::config_invalid);
  remove_database(path("state.db"));
  execute(path("state.db"), "CREATE TABLE theirs(x)");
  EXPECT_EQ(sqlite_state_store::open(directory()).error().code, fault_code::config_invalid);
}

TEST_F(store, in_a_missing_directory_is_storage_io) {
  EXPECT_EQ(sqlite_state_store::open(directory() + "/missing").error().code,
            fault_code::storage_io);
}

/// Puts pairs that belong together, and ends without any clean-up at its n-th write to the disk.
[[noreturn]] void put_pairs_and_die(const std::string& directory, int n) {
  sqlite::testing::failing_disk disk;
  disk.at_write(n, [] {
    ::_exit(9);
    return 0;
  });
  auto opened = sqlite_state_store::open(directory);
  if (!opened) ::_exit(1);
  for (int i = 0; i < 5; ++i) {
    const std::string value(5000, static_cast<char>('a' + i));
    if (!(*opened)->apply({{"left", "k", value}, {"right", "k", value}})) ::_exit(2);
  }
  ::_exit(0);
}

TEST_F(store, holds_whole_changes_wherever_the_process_dies) {
  store_.reset();
  int killed = 0;
  for (int n = 1;; ++n) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) put_pairs_and_die(directory(), n);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0));
    reopen();
    ASSERT_EQ(get("left", "k"), get("right", "k")) << "killed at write " << n;
    store_.reset();
    if (WEXITSTATUS(status) == 0) break;
    ++killed;
  }
  EXPECT_GT(killed, 10);
}

}  // namespace
}  // namespace fleetgate::state
