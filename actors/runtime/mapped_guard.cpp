#include "actors/runtime/mapped_guard.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace fleetgate::runtime {

struct mapped_guard::place {
  std::atomic<bool> is_taken{false};
  std::atomic<std::uintptr_t> first{0};  // 0: nothing is guarded
  std::atomic<std::size_t> bytes{0};
  std::atomic<bool> is_lost{false};
};

namespace {

constinit std::array<mapped_guard::place, most_guards> places;
struct sigaction before_us {};

/// On the thread that touched the mapping, in the middle of whatever it did: system calls alone.
bool replace_what_is_lost(std::uintptr_t touched) noexcept {
  for (mapped_guard::place& p : places) {
    const std::uintptr_t first = p.first.load(std::memory_order_acquire);
    const std::size_t bytes = p.bytes.load(std::memory_order_relaxed);
    if (first == 0 || touched < first || touched - first >= bytes) continue;
    void* const there = ::mmap(reinterpret_cast<void*>(first), bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (there == MAP_FAILED) return false;
    p.is_lost.store(true, std::memory_order_release);
    return true;
  }
  return false;
}

extern "C" void take_bus_error(int number, siginfo_t* info, void*) {
  const int error = errno;
  const bool is_of_a_touch = info->si_code > 0;
  if (is_of_a_touch && replace_what_is_lost(reinterpret_cast<std::uintptr_t>(info->si_addr))) {
    errno = error;
    return;
  }
  // As if there were no guard: the touch is done again, and what somebody sent comes again.
  ::sigaction(number, &before_us, nullptr);
  if (!is_of_a_touch) ::raise(number);
}

bool listen_for_bus_errors() noexcept {
  struct sigaction ours {};
  ours.sa_sigaction = take_bus_error;
  ours.sa_flags = SA_SIGINFO;
  return ::sigaction(SIGBUS, &ours, &before_us) == 0;
}

}  // namespace

mapped_guard::mapped_guard(void* first, std::size_t bytes) noexcept {
  static const bool listens = listen_for_bus_errors();
  if (!listens) return;
  const auto free = std::find_if(places.begin(), places.end(),
                                 [](place& p) { return !p.is_taken.exchange(true); });
  if (free == places.end()) return;
  place_ = &*free;
  place_->is_lost = false;
  place_->bytes = bytes;
  place_->first.store(reinterpret_cast<std::uintptr_t>(first), std::memory_order_release);
}

mapped_guard& mapped_guard::operator=(mapped_guard&& from) noexcept {
  if (this != &from) {
    release();
    place_ = std::exchange(from.place_, nullptr);
  }
  return *this;
}

void mapped_guard::release() noexcept {
  if (place_ == nullptr) return;
  place_->first = 0;
  place_->is_taken = false;
  place_ = nullptr;
}

bool mapped_guard::is_lost() const noexcept {
  return place_ != nullptr && place_->is_lost.load(std::memory_order_acquire);
}

std::size_t mapped_guard::count_lost() noexcept {
  return static_cast<std::size_t>(
      std::count_if(places.begin(), places.end(), [](const mapped_guard::place& p) {
        return p.first.load(std::memory_order_acquire) != 0 && p.is_lost.load();
      }));
}

}  // namespace fleetgate::runtime
