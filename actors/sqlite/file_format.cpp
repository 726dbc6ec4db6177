#include "actors/sqlite/file_format.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "actors/sqlite/fault_of.hpp"

namespace fleetgate::sqlite {
namespace {

/// True: the file is new and empty. False: it is ours, of this version or an older one.
result<bool> inspect(database& db, const file_format& format) {
  const auto id = db.ask_integer("PRAGMA application_id");
  if (!id) return tl::unexpected(id.error());
  const auto version = db.ask_integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  const auto objects = db.ask_integer("SELECT count(*) FROM sqlite_master");
  if (!objects) return tl::unexpected(objects.error());

  const std::string name(format.name);
  if (*id == 0 && *version == 0 && *objects == 0) return true;
  if (*id != format.application_id) {
    return failure(fault_code::config_invalid, db.path() + " is a database, but not one of " +
                                                   name + " (application_id " +
                                                   std::to_string(*id) + "): name another file");
  }
  if (*version > format.version) {
    return failure(fault_code::config_invalid,
                   db.path() + " was written by a newer " + name + " (schema " +
                       std::to_string(*version) + ", this one knows up to " +
                       std::to_string(format.version) + "): use that release or another file");
  }
  return false;
}

result<void> use_write_ahead_log(database& db) {
  auto mode = db.ask_text("PRAGMA journal_mode=WAL");
  if (!mode) return tl::unexpected(std::move(mode.error()));
  if (*mode != "wal") {
    return failure(fault_code::config_invalid,
                   db.path() + " cannot have a write-ahead log (journal mode stays " + *mode +
                       "): put it on a local file system");
  }
  return db.execute("PRAGMA synchronous=FULL");
}

/// At once; SQLite's own VFS writes at most 128 KiB a call.
constexpr sqlite3_int64 rewrite_bytes = 64 * 1024;

/// Where a sync of the log failed, its commits may be valid in the page cache and missing on the
/// disk, and a connection that opens then believes them: the next sync succeeds without them, and a
/// power cut takes them and all that came after. So what lies in the log is written once more.
/// Within the caller's write transaction, so that nobody adds to the log meanwhile.
result<void> rewrite_log(database& db) {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log == nullptr || log->pMethods == nullptr) return {};
  sqlite3_int64 size = 0;
  int code = log->pMethods->xFileSize(log, &size);
  std::vector<char> bytes(static_cast<std::size_t>(std::min(size, rewrite_bytes)));
  for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += rewrite_bytes) {
    const int n = static_cast<int>(std::min(size - at, rewrite_bytes));
    code = log->pMethods->xRead(log, bytes.data(), n, at);
    if (code == SQLITE_OK) code = log->pMethods->xWrite(log, bytes.data(), n, at);
  }
  if (code == SQLITE_OK && size != 0) code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (code == SQLITE_OK) return {};
  return failure(fault_code_of(code, fault_code::storage_io),
                 db.path() + "-wal: write again: " + sqlite3_errstr(code));
}

/// Within the caller's write transaction.
result<void> upgrade(database& db, const file_format& format) {
  const auto version = db.ask_integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  const auto from = static_cast<std::size_t>(std::max<std::int64_t>(*version, 1));
  for (std::size_t n = from; n <= format.upgrades.size(); ++n) {
    if (auto done = db.execute(format.upgrades[n - 1]); !done) return done;
  }
  return {};
}

/// Closing must not move into the file what may not be in the log on the disk: the log that the
/// next power cut brings back would be an older one, and laid over the file would ruin it.
void checkpoint_on_close(database& db, bool wanted) noexcept {
  sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, wanted ? 0 : 1, nullptr);
}

}  // namespace

result<void> adopt(database& db, const file_format& format) {
  checkpoint_on_close(db, false);
  auto is_new = inspect(db, format);
  if (!is_new) return tl::unexpected(std::move(is_new.error()));
  if (*is_new) {
    if (auto set = db.execute(format.pragmas_when_new); !set) return set;
  }
  if (auto set = use_write_ahead_log(db); !set) return set;
  return in_transaction(db, [&]() -> result<void> {
    if (auto durable = rewrite_log(db); !durable) return durable;
    checkpoint_on_close(db, true);
    // Somebody else may have written to the new file since; the lock is ours only now.
    auto still_new = inspect(db, format);
    if (!still_new) return tl::unexpected(std::move(still_new.error()));
    if (!*still_new) {
      if (auto upgraded = upgrade(db, format); !upgraded) return upgraded;
    }
    const std::string marks = "PRAGMA application_id=" + std::to_string(format.application_id) +
                              ";PRAGMA user_version=" + std::to_string(format.version);
    if (auto marked = db.execute(marks.c_str()); !marked) return marked;
    return db.execute(format.schema);
  });
}

}  // namespace fleetgate::sqlite
