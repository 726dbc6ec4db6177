#include "actors/runtime/thread_room.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace fleetgate::runtime {

void try_threads(std::size_t count) {
  std::atomic<bool> may_end = false;
  std::vector<std::thread> all;
  all.reserve(count);
  const auto end = [&] {
    may_end = true;
    may_end.notify_all();
    for (std::thread& t : all) t.join();
  };
  try {
    while (all.size() < count) all.emplace_back([&] { may_end.wait(false); });
  } catch (...) {
    end();
    throw;
  }
  end();
}

}  // namespace fleetgate::runtime
