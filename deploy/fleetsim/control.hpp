// What the run tells its squads, and what any of them tells the run. Owned by the run; atomics, and
// a mutex for the words.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace fleetgate::fleetsim {

enum class stop_level : std::uint8_t {
  go_on,
  finish,  // measure nothing new, wait for what is owed
  now,
};

class control {
 public:
  std::atomic<std::uint64_t> start_ns{0};  // of the load, monotonic; 0: only connect
  std::atomic<stop_level> stop{stop_level::go_on};
  std::atomic<bool> leave{false};  // disconnect and end, once finished

  /// The run cannot go on: the first who says so is heard.
  void fail(std::string why) {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = std::move(why);
    stop = stop_level::now;
  }
  [[nodiscard]] std::string failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  mutable std::mutex mutex_;
  std::string failure_;
};

}  // namespace fleetgate::fleetsim
