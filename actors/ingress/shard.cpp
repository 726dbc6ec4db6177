#include "actors/ingress/shard.hpp"

namespace fleetgate::ingress {

bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

device_priority shard::priority_of(std::string_view device) const noexcept {
  for (const auto& rule : priorities) {
    if (glob_matches(rule.match, device)) return rule.priority;
  }
  return device_priority::normal;
}

/// Memory fills within milliseconds, which no review once a second would see in time.
bool shard::takes_new(std::string_view device) const noexcept {
  const auto level = overload.level_now();
  switch (priority_of(device)) {
    case device_priority::high:
      return true;
    case device_priority::normal:
      return level < model::overload_level::critical;
    case device_priority::low:
      return level < model::overload_level::high && budget.used() <= budget.limit() / 4 * 3;
  }
  return true;
}

}  // namespace fleetgate::ingress
