// SQLite's files on the same disk in memory as the spool's, so that one cut hits them all. Locks
// and the shared memory of the write-ahead log are the process's: a restart loses them. One thread.
// Owned by a test; connections must be closed before it goes.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/actors/spool/fault_file_layer.hpp"

namespace fleetgate::sim {

class disk_vfs {
 public:
  explicit disk_vfs(spool::testing::fault_file_layer& disk) : disk_(disk) {
    sqlite3_initialize();
    vfs_.iVersion = 2;
    vfs_.szOsFile = sizeof(opened);
    vfs_.mxPathname = 512;
    vfs_.zName = name_;
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    vfs_.xAccess = access;
    vfs_.xFullPathname = full_path_name;
    vfs_.xRandomness = randomness;
    vfs_.xSleep = [](sqlite3_vfs*, int us) { return us; };
    vfs_.xCurrentTime = [](sqlite3_vfs*, double* day) {
      *day = 2460000.5;
      return SQLITE_OK;
    };
    vfs_.xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* ms) {
      *ms = 212'544'043'200'000;
      return SQLITE_OK;
    };
    vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~disk_vfs() { sqlite3_vfs_unregister(&vfs_); }
  disk_vfs(const disk_vfs&) = delete;
  disk_vfs& operator=(const disk_vfs&) = delete;

  [[nodiscard]] const char* name() const noexcept { return name_; }

  /// The process is gone: closing its connections changes nothing on the disk any more.
  void stop() noexcept { stopped_ = true; }
  /// The next process begins. All connections of the last one are closed.
  void restart() noexcept {
    stopped_ = false;
    locks_.clear();
    memories_.clear();
  }

 private:
  static constexpr const char* name_ = "fleetgate-disk-in-memory";

  struct shared_memory {
    std::vector<std::unique_ptr<std::byte[]>> regions;
    std::array<int, SQLITE_SHM_NLOCK> shared{};
    std::array<bool, SQLITE_SHM_NLOCK> exclusive{};
    int users = 0;
  };
  struct lock_state {
    int shared = 0;
    const void* reserved = nullptr;  // who has it
    const void* pending = nullptr;
  };
  struct file_state {
    disk_vfs* on = nullptr;
    std::string path;
    std::unique_ptr<contract::file> file;
    const void* identity = nullptr;
    bool directory_unsynced = false;
    bool delete_on_close = false;
    int level = SQLITE_LOCK_NONE;
    std::shared_ptr<shared_memory> memory;
    unsigned holds_shared = 0, holds_exclusive = 0;  // of the slots of `memory`
  };
  struct opened {
    sqlite3_file base;
    file_state* state;
  };

  static disk_vfs& self(sqlite3_vfs* v) { return *static_cast<disk_vfs*>(v->pAppData); }
  static file_state& state(sqlite3_file* f) { return *reinterpret_cast<opened*>(f)->state; }
  static int code_of(const fault& f, int otherwise) {
    return f.code == fault_code::storage_full ? SQLITE_FULL : otherwise;
  }
  static std::string directory_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
  }

  static int open(sqlite3_vfs* v, sqlite3_filename path, sqlite3_file* f, int flags, int* out) {
    disk_vfs& on = self(v);
    f->pMethods = nullptr;
    if (on.stopped_) return SQLITE_CANTOPEN;
    auto s = std::make_unique<file_state>();
    s->on = &on;
    s->path = path != nullptr ? path : "/temporary/" + std::to_string(++on.temporaries_);
    spool::testing::fault_file_layer& disk = path != nullptr ? on.disk_ : on.scratch_;
    s->delete_on_close = path == nullptr;
    const bool is_new = disk.identity(s->path) == nullptr;
    if (is_new && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    auto file = is_new ? disk.create(s->path) : disk.open_for_writing(s->path);
    if (!file) return code_of(file.error(), SQLITE_CANTOPEN);
    s->file = std::move(*file);
    s->identity = disk.identity(s->path);
    constexpr int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
    s->directory_unsynced = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & journals) != 0;
    if (out != nullptr) *out = flags;
    reinterpret_cast<opened*>(f)->state = s.release();
    f->pMethods = methods();
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* v, const char* path, int sync_directory) {
    disk_vfs& on = self(v);
    if (on.stopped_) return SQLITE_IOERR_DELETE;
    if (const auto done = on.disk_.remove(path); !done) {
      return done.error().code == fault_code::not_found ? SQLITE_IOERR_DELETE_NOENT
                                                        : SQLITE_IOERR_DELETE;
    }
    if (sync_directory != 0 && !on.disk_.sync_directory(directory_of(path))) {
      return SQLITE_IOERR_DIR_FSYNC;
    }
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* v, const char* path, int flags, int* out) {
    disk_vfs& on = self(v);
    *out = flags == SQLITE_ACCESS_EXISTS ? !on.disk_.is_empty(path)
                                         : on.disk_.identity(path) != nullptr;
    return SQLITE_OK;
  }
  static int full_path_name(sqlite3_vfs*, const char* path, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs* v, int size, char* out) {
    for (int i = 0; i < size; ++i) out[i] = static_cast<char>(self(v).random_());
    return size;
  }

  static int close(sqlite3_file* f) {
    const std::unique_ptr<file_state> s(&state(f));
    unlock(f, SQLITE_LOCK_NONE);
    unmap(f, 0);
    if (s->delete_on_close) s->on->scratch_.erase(s->path);
    return SQLITE_OK;
  }
  static int read(sqlite3_file* f, void* into, int size, sqlite3_int64 at) {
    const auto n = static_cast<std::size_t>(size);
    auto* const to = static_cast<std::byte*>(into);
    const auto got = state(f).file->read_at(static_cast<std::uint64_t>(at), {to, n});
    if (!got) return SQLITE_IOERR_READ;
    if (*got == n) return SQLITE_OK;
    std::memset(to + *got, 0, n - *got);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
    const byte_view bytes(static_cast<const std::byte*>(data), static_cast<std::size_t>(size));
    const auto done = state(f).file->write_at(static_cast<std::uint64_t>(at), bytes);
    return done ? SQLITE_OK : code_of(done.error(), SQLITE_IOERR_WRITE);
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    return state(f).file->truncate(static_cast<std::uint64_t>(size)) ? SQLITE_OK
                                                                     : SQLITE_IOERR_TRUNCATE;
  }
  /// As SQLite does on Unix, the first sync of a journal makes its name durable too. That this
  /// fails is told here; SQLite's own passes over it.
  static int sync(sqlite3_file* f, int) {
    file_state& s = state(f);
    if (!s.file->sync()) return SQLITE_IOERR_FSYNC;
    if (s.directory_unsynced) {
      if (!s.on->disk_.sync_directory(directory_of(s.path))) return SQLITE_IOERR_DIR_FSYNC;
      s.directory_unsynced = false;
    }
    return SQLITE_OK;
  }
  static int file_size(sqlite3_file* f, sqlite3_int64* size) {
    const auto got = state(f).file->size();
    if (!got) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(*got);
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* f, int wanted) {
    file_state& s = state(f);
    lock_state& l = s.on->locks_[s.identity];
    if (s.level >= wanted) return SQLITE_OK;
    if (wanted == SQLITE_LOCK_SHARED) {
      if (l.pending != nullptr) return SQLITE_BUSY;
      ++l.shared;
    } else if (wanted == SQLITE_LOCK_RESERVED) {
      if (l.reserved != nullptr) return SQLITE_BUSY;
      l.reserved = &s;
    } else {
      if (l.pending != nullptr && l.pending != &s) return SQLITE_BUSY;
      l.pending = &s;
      s.level = SQLITE_LOCK_PENDING;
      if (l.shared > 1) return SQLITE_BUSY;
    }
    s.level = wanted;
    return SQLITE_OK;
  }
  static int unlock(sqlite3_file* f, int wanted) {
    file_state& s = state(f);
    lock_state& l = s.on->locks_[s.identity];
    if (s.level <= wanted) return SQLITE_OK;
    if (l.reserved == &s) l.reserved = nullptr;
    if (l.pending == &s) l.pending = nullptr;
    if (wanted == SQLITE_LOCK_NONE) --l.shared;
    s.level = wanted;
    return SQLITE_OK;
  }
  static int check_reserved(sqlite3_file* f, int* out) {
    file_state& s = state(f);
    *out = s.on->locks_[s.identity].reserved != nullptr;
    return SQLITE_OK;
  }
  static int control(sqlite3_file* f, int what, void* out) {
    if (what != SQLITE_FCNTL_HAS_MOVED) return SQLITE_NOTFOUND;
    file_state& s = state(f);
    *static_cast<int*>(out) = s.on->disk_.identity(s.path) != s.identity;
    return SQLITE_OK;
  }

  static int map(sqlite3_file* f, int region, int size, int extend, void volatile** out) {
    file_state& s = state(f);
    if (!s.memory) {
      auto& there = s.on->memories_[s.identity];
      if (!there) there = std::make_shared<shared_memory>();
      s.memory = there;
      ++s.memory->users;
    }
    auto& regions = s.memory->regions;
    *out = nullptr;
    const auto at = static_cast<std::size_t>(region);
    if (at >= regions.size() && extend == 0) return SQLITE_OK;
    while (regions.size() <= at) {
      regions.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(size)));
    }
    *out = regions[at].get();
    return SQLITE_OK;
  }
  static int lock_slots(sqlite3_file* f, int first, int count, int flags) {
    file_state& s = state(f);
    shared_memory& m = *s.memory;
    const auto each = [&](auto&& act) {
      for (int i = first; i < first + count; ++i) act(static_cast<std::size_t>(i), 1U << i);
    };
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      each([&](std::size_t i, unsigned bit) { release_slot(s, i, bit); });
      return SQLITE_OK;
    }
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    bool free = true;
    each([&](std::size_t i, unsigned bit) {
      const int others = m.shared[i] - ((s.holds_shared & bit) != 0 ? 1 : 0);
      const bool taken = m.exclusive[i] && (s.holds_exclusive & bit) == 0;
      if (taken || (exclusive && others != 0)) free = false;
    });
    if (!free) return SQLITE_BUSY;
    each([&](std::size_t i, unsigned bit) {
      if (exclusive) {
        m.exclusive[i] = true;
        s.holds_exclusive |= bit;
      } else if ((s.holds_shared & bit) == 0) {
        ++m.shared[i];
        s.holds_shared |= bit;
      }
    });
    return SQLITE_OK;
  }
  static void release_slot(file_state& s, std::size_t i, unsigned bit) {
    if ((s.holds_shared & bit) != 0) --s.memory->shared[i];
    if ((s.holds_exclusive & bit) != 0) s.memory->exclusive[i] = false;
    s.holds_shared &= ~bit;
    s.holds_exclusive &= ~bit;
  }
  static int unmap(sqlite3_file* f, int) {
    file_state& s = state(f);
    if (!s.memory) return SQLITE_OK;
    for (unsigned i = 0; i < SQLITE_SHM_NLOCK; ++i) release_slot(s, i, 1U << i);
    if (--s.memory->users == 0) s.on->memories_.erase(s.identity);
    s.memory.reset();
    return SQLITE_OK;
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods m = [] {
      sqlite3_io_methods made{};
      made.iVersion = 2;
      made.xClose = close;
      made.xRead = read;
      made.xWrite = write;
      made.xTruncate = truncate;
      made.xSync = sync;
      made.xFileSize = file_size;
      made.xLock = lock;
      made.xUnlock = unlock;
      made.xCheckReservedLock = check_reserved;
      made.xFileControl = control;
      made.xSectorSize = [](sqlite3_file*) { return 4096; };
      made.xDeviceCharacteristics = [](sqlite3_file*) {
        return SQLITE_IOCAP_POWERSAFE_OVERWRITE;  // what SQLite assumes on Unix
      };
      made.xShmMap = map;
      made.xShmLock = lock_slots;
      made.xShmBarrier = [](sqlite3_file*) {};
      made.xShmUnmap = unmap;
      return made;
    }();
    return &m;
  }

  spool::testing::fault_file_layer& disk_;
  spool::testing::fault_file_layer scratch_;  // temporary files
  std::uint64_t temporaries_ = 0;
  std::mt19937_64 random_{1};
  bool stopped_ = false;
  std::map<const void*, lock_state> locks_;
  std::map<const void*, std::shared_ptr<shared_memory>> memories_;
  sqlite3_vfs vfs_{};
};

}  // namespace fleetgate::sim
