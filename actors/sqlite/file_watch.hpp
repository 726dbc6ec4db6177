// Notices that the files of an open database are no longer the ones at its path: deleted, moved, or
// replaced under us. Then commits go to files that nobody will find. Owned by whoever owns the
// database; costs a stat per file. Where the database has a VFS of its own, that is asked instead.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>

#include "actors/sqlite/database.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::sqlite {

class file_watch {
 public:
  /// Watches nothing: never in place.
  file_watch() = default;

  /// Remembers the database, its write-ahead log and its index, which exist once a WAL database
  /// was read. Fault: sink_lost where the file was replaced while it was being opened.
  static result<file_watch> of(const database& db);

  /// True while all three paths lead to the remembered files.
  [[nodiscard]] bool in_place() const noexcept;

  /// To be called before `db` is closed where it is not in place. What was committed goes from the
  /// log into the file, wherever that is now. Where a reader prevents that, the log is all that
  /// holds it: it gets a name of its own, so that SQLite does not apply it to whatever file comes
  /// to lie at the path. Returns that name; "": the file has everything. Fault storage_io: the log
  /// could not be renamed.
  result<std::string> leave(database& db) const;

  /// To be called before anything is read of a database that was just opened: SQLite would delete
  /// the log of one that was moved away meanwhile. As `leave`.
  static result<std::string> set_aside_left_log(const database& db);

 private:
  struct watched {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;

    [[nodiscard]] bool in_place() const noexcept;
  };
  static bool has_moved(sqlite3* handle) noexcept;

  std::array<watched, 3> files_;
  sqlite3* asked_ = nullptr;  // the database, where its VFS is to be asked
};

}  // namespace fleetgate::sqlite
