#include "actors/runtime/thread_room.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace fleetgate::runtime {
namespace {

/// A thread that was joined still counts for a moment; once the kernel knows it no more, it does
/// not.
void wait_until_forgotten(pid_t thread) noexcept {
  constexpr int most_turns = 10'000;
  for (int i = 0; i < most_turns && ::tgkill(::getpid(), thread, 0) == 0; ++i) {
    std::this_thread::yield();
  }
}

}  // namespace

void try_threads(std::size_t count) {
  std::atomic<bool> may_end = false;
  std::vector<std::thread> all;
  std::vector<std::atomic<pid_t>> ids(count);
  all.reserve(count);
  const auto end = [&] {
    may_end = true;
    may_end.notify_all();
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].join();
      wait_until_forgotten(ids[i]);
    }
  };
  try {
    while (all.size() < count) {
      all.emplace_back([&may_end, &id = ids[all.size()]] {
        id = ::gettid();
        may_end.wait(false);
      });
    }
  } catch (...) {
    end();
    throw;
  }
  end();
}

}  // namespace fleetgate::runtime
