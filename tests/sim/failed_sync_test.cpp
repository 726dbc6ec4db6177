// Promise T20 for SQLite's files: a log whose sync failed is not believed before it is on the disk.
#include <gtest/gtest.h>

#include "actors/state/sqlite_state_store.hpp"
#include "tests/sim/disk_vfs.hpp"

namespace fleetgate::sim {
namespace {

using spool::testing::disk_op;

class failed_sync_test : public ::testing::Test {
 protected:
  void open() {
    auto opened = state::sqlite_state_store::open("/data", vfs.name());
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = std::move(*opened);
  }
  bool put(const std::string& key) {
    return store->apply({{"table", key, std::string("value")}}).has_value();
  }
  bool has(const std::string& key) {
    const auto found = store->get("table", key);
    return found && found->has_value();
  }
  void end_process() {
    vfs.stop();
    disk.kill();
    store.reset();
    vfs.restart();
  }

  spool::testing::fault_file_layer disk;
  disk_vfs vfs{disk};
  std::unique_ptr<state::sqlite_state_store> store;
};

TEST_F(failed_sync_test, commit_whose_sync_failed_is_durable_before_the_next_process_builds_on_it) {
  open();
  ASSERT_TRUE(put("before"));
  disk.before = [](disk_op op, const std::string&) -> std::optional<fault_code> {
    if (op == disk_op::sync) return fault_code::storage_io;
    return std::nullopt;
  };
  EXPECT_FALSE(put("failed"));
  end_process();
  disk.before = nullptr;
  open();
  ASSERT_TRUE(has("failed")) << "the page cache has it, so the test can tell";
  ASSERT_TRUE(put("after"));
  for (int cuts = 0; cuts < 3; ++cuts) {
    end_process();
    disk.cut_power();
    open();
    EXPECT_TRUE(has("before") && has("failed") && has("after"));
  }
}

TEST_F(failed_sync_test, log_that_is_not_durable_is_not_moved_into_the_file_by_closing) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    end_process();
    for (const std::string& path : disk.paths()) disk.erase(path);
    disk.random.seed(seed);
    open();
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(put("key " + std::to_string(i)));
    store.reset();  // what follows is a log that holds a part of the pages
    open();
    ASSERT_TRUE(put("key 7a"));
    disk.before = [](disk_op op, const std::string& path) -> std::optional<fault_code> {
      if (op == disk_op::sync && path.ends_with("-wal")) return fault_code::storage_io;
      return std::nullopt;
    };
    std::vector<contract::state_change> many;
    for (int i = 0; i < 400; ++i) {
      many.push_back({"table", "key " + std::to_string(i) + "b", std::string(99, 'v')});
    }
    EXPECT_FALSE(store->apply(many));
    end_process();
    // The first sync that fails is that of the log written again; the next ones succeed.
    int failures = 1;
    disk.before = [&](disk_op op, const std::string& path) -> std::optional<fault_code> {
      if (op == disk_op::sync && path.ends_with("-wal") && failures-- > 0) {
        return fault_code::storage_io;
      }
      return std::nullopt;
    };
    EXPECT_FALSE(state::sqlite_state_store::open("/data", vfs.name()));
    disk.before = nullptr;
    end_process();
    disk.cut_power();
    open();
    for (int i = 0; i < 400; ++i) EXPECT_TRUE(has("key " + std::to_string(i)));
    auto db = sqlite::database::open({"/data/state.db", {}, fault_code::storage_io, vfs.name()});
    ASSERT_TRUE(db);
    EXPECT_EQ(db->ask_text("PRAGMA integrity_check").value_or("unreadable"), "ok");
  }
}

TEST_F(failed_sync_test, log_that_cannot_be_written_again_is_not_opened) {
  open();
  ASSERT_TRUE(put("before"));
  end_process();
  disk.before = [](disk_op op, const std::string& path) -> std::optional<fault_code> {
    if (op == disk_op::write && path.ends_with("-wal")) return fault_code::storage_full;
    return std::nullopt;
  };
  const auto opened = state::sqlite_state_store::open("/data", vfs.name());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, fault_code::storage_full);
}

}  // namespace
}  // namespace fleetgate::sim
