#include "actors/supervise/supervision.hpp"

#include <algorithm>
#include <utility>

#include "actors/runtime/backoff.hpp"

namespace fleetgate::supervise {

std::size_t supervision::add(std::string name, bool may_restart) {
  contract::actor_report report;
  report.name = std::move(name);
  reports_.push_back(std::move(report));
  histories_.push_back({may_restart, {}});
  return histories_.size() - 1;
}

restart_order supervision::ended(std::size_t which, const fault& why, std::uint64_t now_ns,
                                 std::int64_t now_unix_ns) {
  contract::actor_report& report = reports_[which];
  report.last_error = why;
  report.last_error_time_ns = now_unix_ns;
  history& past = histories_[which];
  const fault_class cls = describe(why.code).cls;
  const restart_limits& limits = limits_of(cls);
  const auto within = static_cast<std::uint64_t>(limits.within.count());
  std::erase_if(past.endings, [&](const ending& e) { return now_ns - e.at_ns > within; });
  past.endings.push_back({now_ns, cls});
  const auto lately = static_cast<std::uint32_t>(std::count_if(
      past.endings.begin(), past.endings.end(), [&](const ending& e) { return e.cls == cls; }));
  const auto decision = past.may_restart ? decide(cls, lately) : restart_decision::escalate;
  report.state = decision == restart_decision::escalate ? contract::actor_state::given_up
                                                        : contract::actor_state::restarting;
  if (decision != restart_decision::back_off) return {decision, {}};
  return {decision,
          runtime::full_jitter(limits.backoff_first, limits.backoff_longest, lately - 1, random_)};
}

void supervision::restarted(std::size_t which) {
  reports_[which].state = contract::actor_state::running;
  ++reports_[which].restarts;
}

}  // namespace fleetgate::supervise
