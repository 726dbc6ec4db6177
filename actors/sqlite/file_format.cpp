#include "actors/sqlite/file_format.hpp"

#include <string>
#include <utility>

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

}  // namespace

result<void> adopt(database& db, const file_format& format) {
  auto is_new = inspect(db, format);
  if (!is_new) return tl::unexpected(std::move(is_new.error()));
  if (*is_new) {
    if (auto set = db.execute(format.pragmas_when_new); !set) return set;
  }
  if (auto set = use_write_ahead_log(db); !set) return set;
  return in_transaction(db, [&]() -> result<void> {
    // Somebody else may have written to the new file since; the lock is ours only now.
    auto still_new = inspect(db, format);
    if (!still_new) return tl::unexpected(std::move(still_new.error()));
    if (*still_new) {
      const std::string marks = "PRAGMA application_id=" + std::to_string(format.application_id) +
                                ";PRAGMA user_version=" + std::to_string(format.version);
      if (auto marked = db.execute(marks.c_str()); !marked) return marked;
    }
    return db.execute(format.schema);
  });
}

}  // namespace fleetgate::sqlite
