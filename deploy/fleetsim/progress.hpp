// The one line that lives while a run lasts, on a terminal only. Owned by the run's own thread.
#pragma once

#include <cstdint>
#include <string>

#include "deploy/fleetsim/tally.hpp"

namespace fleetgate::fleetsim {

/// "100/100 connected | 5,000/s | 12 in flight, 0 owed | p50 0.3 ms p99 1.2 ms | 1,234
/// acknowledged". Rates and latencies are those between `before` and `now`, `seconds` apart.
std::string live_line(const tally& before, const tally& now, std::uint64_t connections,
                      double seconds);

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t n);
/// Nanoseconds for a person: "250 us", "1.2 ms", "3.4 s".
std::string duration_text(std::uint64_t ns);

class progress {
 public:
  /// Silent where stderr is not a terminal, or not `wanted`.
  progress(std::uint64_t connections, bool wanted);
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  /// Takes the line away.
  ~progress() { clear(); }

  /// Shows the line anew, at most five times a second.
  void show(const tally& now, std::uint64_t now_ns);
  void clear();
  [[nodiscard]] bool is_live() const noexcept { return live_; }

 private:
  std::uint64_t connections_;
  bool live_;
  bool shown_ = false;
  std::uint64_t before_ns_ = 0;
  tally before_;
};

}  // namespace fleetgate::fleetsim
