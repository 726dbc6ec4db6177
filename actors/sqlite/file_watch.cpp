#include "actors/sqlite/file_watch.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>

namespace fleetgate::sqlite {
namespace {

/// Beside the database, so that no bytes need be moved. Returns the new name.
result<std::string> set_aside(const std::string& log) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  std::string left = log + ".left-" + std::to_string(now_ns);
  if (::rename(log.c_str(), left.c_str()) == 0) return left;
  return failure(fault_code::storage_io, "cannot rename " + log + " to " + left + ": " +
                                             std::generic_category().message(errno));
}

}  // namespace

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

result<std::string> file_watch::leave(database& db) const {
  const bool is_emptied = db.empty_log();
  if (asked_ != nullptr || !has_moved(db.handle())) return std::string();
  const auto& [file, log, index] = files_;
  // Whoever still reads the moved file keeps the index, which must tell nothing of another file.
  if (index.in_place()) ::unlink(index.path.c_str());
  if (is_emptied || !log.in_place()) return std::string();
  return set_aside(log.path);
}

result<std::string> file_watch::set_aside_left_log(const database& db) {
  if (!db.vfs().empty()) return std::string();
  const char* const resolved = sqlite3_db_filename(db.handle(), "main");
  const std::string log = sqlite3_filename_wal(resolved);
  struct stat found {};
  if (::stat(resolved, &found) != 0 || found.st_size != 0) return std::string();
  if (::stat(log.c_str(), &found) != 0 || found.st_size == 0) return std::string();
  ::unlink((std::string(resolved) + "-shm").c_str());
  return set_aside(log);
}

}  // namespace fleetgate::sqlite
