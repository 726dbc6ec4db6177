// The disk under SQLite in tests: tells what was written and synced, and does what a test asks for
// at the n-th write (fail, remove a file, end the process). Replaces system calls of SQLite's unix
// VFS while it lives; one at a time.
#pragma once

#include <sqlite3.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <utility>

namespace fleetgate::sqlite::testing {

class failing_disk {
 public:
  failing_disk() {
    current() = this;
    sqlite3_initialize();
    replace("write", reinterpret_cast<sqlite3_syscall_ptr>(planned_write));
    replace("pwrite", reinterpret_cast<sqlite3_syscall_ptr>(planned_pwrite));
    replace("pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(planned_pwrite));
  }
  ~failing_disk() {
    for (const char* name : {"write", "pwrite", "pwrite64"}) replace(name, nullptr);
    current() = nullptr;
  }
  failing_disk(const failing_disk&) = delete;
  failing_disk& operator=(const failing_disk&) = delete;

  /// Before write number `n` from now (from 1) calls `act() -> errno`; 0: the write goes on. A
  /// write that fails leaves its first half behind.
  void at_write(int n, std::function<int()> act) {
    writes_left_ = n;
    act_ = std::move(act);
  }
  /// Every sync from now on fails with `error`; 0: none.
  void fail_syncs(int error) { sync_error_ = error; }

  /// 'w' for each write, 's' for each sync that succeeded, in order.
  [[nodiscard]] const std::string& events() const { return events_; }

  /// What stands in for fdatasync and fsync.
  static int sync(int fd) {
    if (failing_disk* const disk = current()) {
      if (disk->sync_error_ != 0) return fail(disk->sync_error_);
      disk->events_ += 's';
    }
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
  }

 private:
  static failing_disk*& current() {
    static failing_disk* disk = nullptr;
    return disk;
  }
  static void replace(const char* name, sqlite3_syscall_ptr with) {
    sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
    vfs->xSetSystemCall(vfs, name, with);  // nullptr restores
  }
  static int fail(int error) {
    errno = error;
    return -1;
  }
  static ssize_t planned_write(int fd, const void* data, std::size_t size) {
    const int error = current()->consult();
    const ssize_t wrote = ::write(fd, data, error == 0 ? size : size / 2);
    return error == 0 ? wrote : fail(error);
  }
  static ssize_t planned_pwrite(int fd, const void* data, std::size_t size, off_t at) {
    const int error = current()->consult();
    const ssize_t wrote = ::pwrite(fd, data, error == 0 ? size : size / 2, at);
    return error == 0 ? wrote : fail(error);
  }
  int consult() {
    events_ += 'w';
    if (writes_left_ == 0 || --writes_left_ != 0) return 0;
    return act_();
  }

  int writes_left_ = 0;  // 0: nothing planned
  std::function<int()> act_;
  int sync_error_ = 0;
  std::string events_;
};

}  // namespace fleetgate::sqlite::testing

// SQLite calls these two directly, so they are replaced when the test program is linked.
extern "C" __attribute__((weak)) int fdatasync(int fd) {
  return fleetgate::sqlite::testing::failing_disk::sync(fd);
}
extern "C" __attribute__((weak)) int fsync(int fd) {
  return fleetgate::sqlite::testing::failing_disk::sync(fd);
}
