#include "actors/admin/health.hpp"

namespace fleetgate::admin {

std::string_view to_string(health_state s) noexcept {
  switch (s) {
    case health_state::good:
      return "good";
    case health_state::degraded:
      return "degraded";
    case health_state::unready:
      return "unready";
    case health_state::dead:
      return "dead";
  }
  return {};
}

health::health() {
  set("startup", health_state::unready, "starting");
}

void health::set(std::string_view name, health_state state, std::string_view reason) {
  std::lock_guard hold(mutex_);
  auto at = conditions_.find(name);
  if (at == conditions_.end()) at = conditions_.emplace(std::string(name), condition{}).first;
  at->second.state = state;
  at->second.reason.assign(reason);
}

void health::beat(std::string_view name, time_point now) {
  std::lock_guard hold(mutex_);
  if (const auto at = beats_.find(name); at != beats_.end())
    at->second = now;
  else
    beats_.emplace(std::string(name), now);
}

void health::forget(std::string_view name) {
  std::lock_guard hold(mutex_);
  if (const auto at = beats_.find(name); at != beats_.end()) beats_.erase(at);
}

health_report health::ready() const {
  std::lock_guard hold(mutex_);
  health_report report;
  for (const auto& [name, c] : conditions_) {
    report.all.push_back({name, c.state, c.reason});
    if (c.state >= health_state::unready) report.failing.push_back(report.all.back());
  }
  report.passed = report.failing.empty();
  return report;
}

health_report health::live(time_point now) const {
  std::lock_guard hold(mutex_);
  health_report report;
  for (const auto& [name, c] : conditions_) {
    // A node that must not be routed to may be perfectly alive.
    if (c.state != health_state::dead) continue;
    report.all.push_back({name, c.state, c.reason});
  }
  for (const auto& [name, last] : beats_) {
    const auto age = now - last;
    if (age <= heartbeat_limit) {
      report.all.push_back({"heartbeat." + name, health_state::good, ""});
      continue;
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
    report.all.push_back({"heartbeat." + name, health_state::dead,
                          "no heartbeat for " + std::to_string(seconds) + " s"});
  }
  for (const health_entry& e : report.all) {
    if (e.state == health_state::dead) report.failing.push_back(e);
  }
  report.passed = report.failing.empty();
  return report;
}

}  // namespace fleetgate::admin
