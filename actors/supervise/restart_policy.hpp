// What a supervisor does when an actor has ended: a pure function of the kind of fault and of how
// often that happened lately. Limit: `intensity` restarts within `within`, then the supervisor
// gives up, and it is its parent's turn.
#pragma once

#include <chrono>
#include <cstdint>

#include "protocol/base/fault.hpp"

namespace fleetgate::supervise {

/// For one class of fault.
struct restart_limits {
  std::uint32_t intensity = 0;  // so many restarts ...
  std::chrono::nanoseconds within{0};
  bool at_once = false;  // the first of them without waiting
  std::chrono::nanoseconds backoff_first{0};
  std::chrono::nanoseconds backoff_longest{0};
};

/// transient: it may pass by itself, and is tried often. overload: whoever is out of memory must
/// not come back at once. permanent, and what bytes from outside did to an actor: a bug, which a
/// few restarts may get past.
const restart_limits& limits_of(fault_class cls) noexcept;

enum class restart_decision : std::uint8_t {
  restart,   // now
  back_off,  // after a wait with full jitter
  escalate,
};

/// `lately`: how often the actor has ended within `limits_of(cls).within`, this time included.
restart_decision decide(fault_class cls, std::uint32_t lately) noexcept;

}  // namespace fleetgate::supervise
