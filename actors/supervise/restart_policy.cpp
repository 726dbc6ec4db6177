#include "actors/supervise/restart_policy.hpp"

namespace fleetgate::supervise {

using std::chrono::milliseconds;
using std::chrono::seconds;

const restart_limits& limits_of(fault_class cls) noexcept {
  static constexpr restart_limits for_transient{20, seconds(60), true, milliseconds(50),
                                                seconds(5)};
  static constexpr restart_limits for_overload{10, seconds(60), false, milliseconds(500),
                                               seconds(10)};
  static constexpr restart_limits for_bug{5, seconds(60), true, milliseconds(100), seconds(5)};
  switch (cls) {
    case fault_class::transient:
      return for_transient;
    case fault_class::overload:
      return for_overload;
    case fault_class::protocol:
    case fault_class::auth:
    case fault_class::permanent:
      return for_bug;
  }
  return for_bug;
}

restart_decision decide(fault_class cls, std::uint32_t lately) noexcept {
  const restart_limits& limits = limits_of(cls);
  if (lately > limits.intensity) return restart_decision::escalate;
  return limits.at_once && lately <= 1 ? restart_decision::restart : restart_decision::back_off;
}

}  // namespace fleetgate::supervise
