// A wall clock that a test sets: preloaded, it adds to CLOCK_REALTIME the nanoseconds that the
// first eight bytes of the file FLEETGATE_TEST_CLOCK hold. Monotonic clocks stay as they are.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

const volatile std::int64_t* offset_ns = nullptr;

__attribute__((constructor)) void open_offset() {
  const char* const path = std::getenv("FLEETGATE_TEST_CLOCK");
  const int file = path != nullptr ? ::open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* const map = ::mmap(nullptr, sizeof *offset_ns, PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  if (map != MAP_FAILED) offset_ns = static_cast<const volatile std::int64_t*>(map);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
  if (result != 0 || clock != CLOCK_REALTIME || offset_ns == nullptr) return result;
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t ns = now->tv_sec * second + now->tv_nsec + *offset_ns;
  now->tv_sec = ns / second;
  now->tv_nsec = ns % second;
  return 0;
}
