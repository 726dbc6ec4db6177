// What one supervisor knows of the actors it watches, and decides about them. Pure: time comes in.
// Owned by a supervisor_actor. Limit: of each actor as many endings as the
// limits of all classes allow, and one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "actors/contract/actor_report.hpp"
#include "actors/supervise/restart_policy.hpp"

namespace fleetgate::supervise {

struct restart_order {
  restart_decision decision = restart_decision::restart;
  std::chrono::nanoseconds wait{0};  // where it is back_off
};

class supervision {
 public:
  /// `seed`: of the jitter.
  explicit supervision(std::uint64_t seed) : random_(seed) {}

  /// Its number. `may_restart`: false for another supervisor, whose ending always escalates.
  std::size_t add(std::string name, bool may_restart);

  /// Actor `which` has ended because of `why`. `now_ns` is monotonic.
  restart_order ended(std::size_t which, const fault& why, std::uint64_t now_ns,
                      std::int64_t now_unix_ns);
  /// Its successor runs.
  void restarted(std::size_t which);

  [[nodiscard]] const std::vector<contract::actor_report>& report() const noexcept {
    return reports_;
  }

 private:
  struct ending {
    std::uint64_t at_ns = 0;
    fault_class cls = fault_class::permanent;
  };
  struct history {
    bool may_restart = true;
    std::deque<ending> endings;
  };

  std::mt19937_64 random_;
  std::vector<history> histories_;
  std::vector<contract::actor_report> reports_;
};

}  // namespace fleetgate::supervise
