#include "actors/observe/log_rate_limiter.hpp"

namespace fleetgate::observe {

bool log_rate_limiter::is_over(const history& h, time_point now) const noexcept {
  // A clock that was set back must not silence an event until it has caught up.
  return now - h.since >= interval_ || now < h.since;
}

bool log_rate_limiter::admit(std::string_view event, log_level level, time_point now) {
  auto at = events_.find(event);
  if (at == events_.end()) at = events_.emplace(event, history{now, 0, 0, level}).first;
  history& h = at->second;
  if (is_over(h, now)) {
    h.since = now;
    h.written = 0;
  }
  if (h.written < burst_) {
    ++h.written;
    return true;
  }
  h.level = level;
  ++h.suppressed;
  ++suppressed_;
  ++waiting_;
  return false;
}

template <class Wanted>
std::vector<log_rate_limiter::summary> log_rate_limiter::take(Wanted&& wanted) {
  std::vector<summary> out;
  if (waiting_ == 0) return out;
  for (auto& [event, h] : events_) {
    if (h.suppressed == 0 || !wanted(h)) continue;
    out.push_back({event, h.level, h.suppressed});
    waiting_ -= h.suppressed;
    h.suppressed = 0;
  }
  return out;
}

std::vector<log_rate_limiter::summary> log_rate_limiter::due(time_point now) {
  return take([&](const history& h) { return is_over(h, now); });
}

std::vector<log_rate_limiter::summary> log_rate_limiter::all() {
  return take([](const history&) { return true; });
}

}  // namespace fleetgate::observe
