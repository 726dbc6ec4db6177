#include "actors/state/sqlite_state_store.hpp"

#include <utility>

#include "actors/sqlite/file_format.hpp"

namespace fleetgate::state {
namespace {

// "FLGS". Keys are bytes from outside: as BLOB they are compared and kept byte for byte.
const sqlite::file_format state_format{
    "fleetgate's state", 0x464C4753, 1, "PRAGMA page_size=4096",
    "CREATE TABLE IF NOT EXISTS state("
    " tbl TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(tbl, key)"
    ") WITHOUT ROWID"};

constexpr std::string_view put_sql =
    "INSERT INTO state(tbl, key, value) VALUES(?1,?2,?3)"
    " ON CONFLICT(tbl, key) DO UPDATE SET value=?3";
constexpr std::string_view remove_sql = "DELETE FROM state WHERE tbl=?1 AND key=?2";
constexpr std::string_view get_sql = "SELECT value FROM state WHERE tbl=?1 AND key=?2";
constexpr std::string_view scan_sql = "SELECT key, value FROM state WHERE tbl=?1 ORDER BY key";

/// Only a person with a shell can hold a lock on this file, and for a moment at most.
constexpr std::chrono::milliseconds busy_timeout{5000};

result<void> prepare_into(sqlite::database& db, sqlite::statement& to, std::string_view sql) {
  return db.prepare(sql).map([&](sqlite::statement prepared) { to = std::move(prepared); });
}

/// Ends a statement's read transaction on every way out.
class reset_at_exit {
 public:
  explicit reset_at_exit(sqlite::statement& s) noexcept : statement_(s) {}
  reset_at_exit(const reset_at_exit&) = delete;
  reset_at_exit& operator=(const reset_at_exit&) = delete;
  ~reset_at_exit() { statement_.reset(); }

 private:
  sqlite::statement& statement_;
};

}  // namespace

result<std::unique_ptr<sqlite_state_store>> sqlite_state_store::open(const std::string& data_dir,
                                                                     const std::string& vfs) {
  std::unique_ptr<sqlite_state_store> store(new sqlite_state_store);
  const std::string path = data_dir + "/state.db";
  auto ready = store->prepare_writing(path, vfs);
  if (ready) ready = store->prepare_reading(path, vfs);
  if (!ready) return tl::unexpected(std::move(ready.error()));
  auto files = sqlite::file_watch::of(store->write_.db);
  if (!files) return failure(fault_code::storage_io, files.error().detail);
  store->files_ = std::move(*files);
  return store;
}

sqlite_state_store::~sqlite_state_store() {
  // The name of a log that stays says what it is; nobody is here to be told.
  if (files_ && !files_->in_place()) (void)files_->leave(write_.db);
}

result<void> sqlite_state_store::check_in_place() const {
  if (files_->in_place()) return {};
  return failure(fault_code::storage_io,
                 write_.db.path() +
                     " was moved, removed or replaced while in use; put it back, or restart to "
                     "go on with what is there");
}

result<void> sqlite_state_store::prepare_writing(const std::string& path, const std::string& vfs) {
  auto db = sqlite::database::open({path, busy_timeout, fault_code::storage_io, vfs});
  if (!db) return tl::unexpected(std::move(db.error()));
  write_.db = std::move(*db);
  if (auto ours = sqlite::adopt(write_.db, state_format); !ours) return ours;
  if (auto ready = prepare_into(write_.db, write_.put, put_sql); !ready) return ready;
  return prepare_into(write_.db, write_.remove, remove_sql);
}

result<void> sqlite_state_store::prepare_reading(const std::string& path, const std::string& vfs) {
  auto db = sqlite::database::open({path, busy_timeout, fault_code::storage_io, vfs});
  if (!db) return tl::unexpected(std::move(db.error()));
  read_.db = std::move(*db);
  if (auto ready = prepare_into(read_.db, read_.get, get_sql); !ready) return ready;
  return prepare_into(read_.db, read_.scan, scan_sql);
}

result<void> sqlite_state_store::apply(const std::vector<contract::state_change>& changes) {
  if (changes.empty()) return {};
  std::lock_guard hold(write_.lock);
  auto applied = sqlite::in_transaction(write_.db, [&]() -> result<void> {
    for (const contract::state_change& change : changes) {
      sqlite::statement& statement = change.value ? write_.put : write_.remove;
      statement.bind_text(1, change.table);
      statement.bind_blob(2, as_bytes(change.key));
      if (change.value) statement.bind_blob(3, as_bytes(*change.value));
      if (auto done = statement.run(); !done) return done;
    }
    // What would go to a file that nobody finds again must not even be committed there.
    return check_in_place();
  });
  if (!applied) return applied;
  return check_in_place();
}

result<std::optional<std::string>> sqlite_state_store::get(std::string_view table,
                                                           std::string_view key) {
  std::lock_guard hold(read_.lock);
  const reset_at_exit ending(read_.get);
  read_.get.bind_text(1, table);
  read_.get.bind_blob(2, as_bytes(key));
  auto row = read_.get.step();
  if (!row) return tl::unexpected(std::move(row.error()));
  if (!*row) return std::nullopt;
  return std::string(read_.get.bytes(0));
}

result<void> sqlite_state_store::scan(
    std::string_view table, const std::function<void(std::string_view, std::string_view)>& visit) {
  std::lock_guard hold(read_.lock);
  const reset_at_exit ending(read_.scan);
  read_.scan.bind_text(1, table);
  for (;;) {
    auto row = read_.scan.step();
    if (!row) return tl::unexpected(std::move(row.error()));
    if (!*row) return {};
    visit(read_.scan.bytes(0), read_.scan.bytes(1));
  }
}

}  // namespace fleetgate::state
