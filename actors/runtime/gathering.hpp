// When a unit that has run out of work looks at its sockets again: at once when something comes,
// or, where much comes in small pieces, after a pause in which more gathers. Waking a thread costs
// more than a message does; at a steady rate in between idle and busy that is most of the cost.
// Pure; one thread. Limit: nothing waits longer than `interval_ns` for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace fleetgate::runtime {

struct gathering_limits {
  /// Rounds begin at least this far apart while gathering pays.
  std::uint64_t interval_ns = 150'000;
  /// It pays where a pause brings so many arrivals in the mean. A few devices that each wait for
  /// their acknowledgement bring less, and would only be slowed down.
  std::size_t worthwhile = 3;
  /// Pauses that are judged together.
  std::size_t judged_pauses = 8;
  /// So many rounds in a row, each within `interval_ns` of the last, before a pause is tried; four
  /// times as many after each trial that did not pay.
  std::size_t least_rounds = 8;
  std::size_t most_rounds = 8192;
};

class gathering {
 public:
  explicit gathering(const gathering_limits& limits = {}) noexcept
      : limits_(limits), wanted_rounds_(limits.least_rounds) {}

  /// A round has begun, and this is what it found.
  void begin_round(std::uint64_t now_ns, std::size_t arrivals) noexcept {
    const bool close = now_ns - begin_ns_ <= limits_.interval_ns;
    begin_ns_ = now_ns;
    if (paused_) return judge(arrivals);
    close_rounds_ = close ? close_rounds_ + 1 : 0;
    if (close_rounds_ >= wanted_rounds_) active_ = true;
  }

  /// There is nothing left to do: how long to pause before the next round; 0: wait for an arrival.
  [[nodiscard]] std::uint64_t pause_ns(std::uint64_t now_ns) noexcept {
    const std::uint64_t due_ns = begin_ns_ + limits_.interval_ns;
    paused_ = active_ && now_ns < due_ns;
    return paused_ ? due_ns - now_ns : 0;
  }

  [[nodiscard]] bool active() const noexcept { return active_; }

 private:
  void judge(std::size_t arrivals) noexcept {
    paused_ = false;
    gathered_ += arrivals;
    if (++pauses_ < limits_.judged_pauses) return;
    active_ = gathered_ >= limits_.worthwhile * limits_.judged_pauses;
    wanted_rounds_ =
        active_ ? limits_.least_rounds : std::min(wanted_rounds_ * 4, limits_.most_rounds);
    close_rounds_ = 0;
    gathered_ = 0;
    pauses_ = 0;
  }

  const gathering_limits limits_;
  std::size_t wanted_rounds_;
  std::uint64_t begin_ns_ = 0;
  std::size_t close_rounds_ = 0;  // in a row
  std::size_t gathered_ = 0;      // in the pauses that are judged next
  std::size_t pauses_ = 0;
  bool active_ = false;
  bool paused_ = false;  // the next round follows a pause
};

}  // namespace fleetgate::runtime
