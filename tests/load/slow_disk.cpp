// A disk that is slower than the one there is, for a program that this library is preloaded into:
// writes and syncs of the files whose path contains a text take their time, one after the other.
// FLEETGATE_SLOW_DISK names a file of 256 bytes, mapped, so that a test can change its mind:
//   0  nanoseconds a MiB written   8  nanoseconds a sync   16  the text, ended by a zero byte
// Only for tests.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>

namespace {

struct control {
  std::atomic<std::uint64_t> ns_per_mib;
  std::atomic<std::uint64_t> sync_ns;
  char path_part[240];
};

const control* mapped() {
  static const control* const page = []() -> const control* {
    const char* const path = std::getenv("FLEETGATE_SLOW_DISK");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* const at = ::mmap(nullptr, sizeof(control), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return at == MAP_FAILED ? nullptr : static_cast<const control*>(at);
  }();
  return page;
}

std::uint64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

bool is_slow(int fd, const control& c) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = ::readlink(link, path, sizeof path - 1);
  if (n <= 0) return false;
  path[n] = '\0';
  return std::strstr(path, c.path_part) != nullptr;
}

/// Until the disk has done this, after what it was given before.
void take_time(std::uint64_t ns) {
  static std::mutex lock;
  static std::uint64_t busy_until = 0;
  std::uint64_t until = 0;
  {
    std::lock_guard hold(lock);
    const std::uint64_t now = now_ns();
    busy_until = (busy_until > now ? busy_until : now) + ns;
    until = busy_until;
  }
  timespec t{};
  t.tv_sec = static_cast<time_t>(until / 1'000'000'000);
  t.tv_nsec = static_cast<long>(until % 1'000'000'000);
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

void written(int fd, ssize_t bytes) {
  const int kept = errno;
  const control* const c = mapped();
  const std::uint64_t each = c == nullptr ? 0 : c->ns_per_mib.load();
  if (bytes > 0 && each != 0 && is_slow(fd, *c)) {
    take_time(static_cast<std::uint64_t>(bytes) * each / (1024 * 1024));
  }
  errno = kept;
}

void synced(int fd) {
  const int kept = errno;
  const control* const c = mapped();
  const std::uint64_t each = c == nullptr ? 0 : c->sync_ns.load();
  if (each != 0 && is_slow(fd, *c)) take_time(each);
  errno = kept;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t n, off_t at) {
  static const auto call = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  const ssize_t done = call(fd, bytes, n, at);
  written(fd, done);
  return done;
}

ssize_t pwrite64(int fd, const void* bytes, size_t n, off64_t at) {
  static const auto call = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  const ssize_t done = call(fd, bytes, n, at);
  written(fd, done);
  return done;
}

int fdatasync(int fd) {
  static const auto call = real<int (*)(int)>("fdatasync");
  const int failed = call(fd);
  synced(fd);
  return failed;
}

int fsync(int fd) {
  static const auto call = real<int (*)(int)>("fsync");
  const int failed = call(fd);
  synced(fd);
  return failed;
}

}  // extern "C"
