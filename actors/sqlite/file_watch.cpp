#include "actors/sqlite/file_watch.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace fleetgate::sqlite {

result<file_watch> file_watch::of(const database& db) {
  // SQLite follows a symbolic link when it opens; the link may be turned later, so the path as
  // given is what counts for the database itself.
  const char* const resolved = sqlite3_db_filename(db.handle(), "main");
  file_watch watch;
  if (!db.vfs().empty()) {
    watch.asked_ = db.handle();
    if (!watch.in_place()) return failure(fault_code::sink_lost, db.path() + " is not in place");
    return watch;
  }
  watch.files_[0].path = db.path();
  watch.files_[1].path = sqlite3_filename_wal(resolved);
  watch.files_[2].path = std::string(resolved) + "-shm";
  for (watched& file : watch.files_) {
    struct stat found {};
    if (::stat(file.path.c_str(), &found) != 0) {
      return failure(fault_code::sink_lost, file.path + " is not there after opening " + db.path());
    }
    file.device = found.st_dev;
    file.inode = found.st_ino;
  }
  // Between SQLite's open and our stat the file may have been replaced.
  if (has_moved(db.handle())) {
    return failure(fault_code::sink_lost, db.path() + " was replaced while opening");
  }
  return watch;
}

bool file_watch::has_moved(sqlite3* handle) noexcept {
  int moved = 0;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

bool file_watch::watched::in_place() const noexcept {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && found.st_dev == device && found.st_ino == inode;
}

bool file_watch::in_place() const noexcept {
  if (asked_ != nullptr) return !has_moved(asked_);
  return std::all_of(files_.begin(), files_.end(), [](const watched& f) { return f.in_place(); });
}

void file_watch::leave(database& db) const noexcept {
  const watched& log = files_[1];
  if (!db.empty_log() && asked_ == nullptr && log.in_place()) ::unlink(log.path.c_str());
}

}  // namespace fleetgate::sqlite
