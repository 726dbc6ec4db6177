// Decides which repeats of an event are written: the first `burst` of each interval, the others are
// counted and summed up once the interval is over. Pure; logger owns it under its mutex.
// Limit: one entry an event name; names are literals of the program.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "actors/observe/log.hpp"

namespace fleetgate::observe {

class log_rate_limiter {
 public:
  using time_point = std::chrono::system_clock::time_point;

  /// How many of one event were left out, at the level of the last of them.
  struct summary {
    std::string event;
    log_level level = log_level::info;
    std::uint64_t suppressed = 0;
  };

  log_rate_limiter(std::uint32_t burst, std::chrono::milliseconds interval)
      : burst_(burst), interval_(interval) {}

  /// True where this one is to be written.
  bool admit(std::string_view event, log_level level, time_point now);
  /// The summaries that are due at `now`; each is handed out once.
  std::vector<summary> due(time_point now);
  /// All that is not summed up yet, due or not.
  std::vector<summary> all();

  [[nodiscard]] std::uint64_t suppressed() const noexcept { return suppressed_; }

 private:
  struct history {
    time_point since;
    std::uint32_t written = 0;
    std::uint64_t suppressed = 0;
    log_level level = log_level::info;
  };

  bool is_over(const history& h, time_point now) const noexcept;
  template <class Wanted>
  std::vector<summary> take(Wanted&& wanted);

  const std::uint32_t burst_;
  const std::chrono::milliseconds interval_;
  std::map<std::string, history, std::less<>> events_;
  std::uint64_t suppressed_ = 0;
  std::uint64_t waiting_ =
      0;  // of them not yet in a summary, so that `due` is cheap where nothing is
};

}  // namespace fleetgate::observe
