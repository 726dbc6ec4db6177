// What the sessions brain wants done. Filled by the brain, emptied by its actor, on its thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "actors/contract/command_mail.hpp"
#include "actors/contract/state_store.hpp"
#include "actors/contract/subscriber.hpp"

namespace fleetgate::sessions {

/// What a turn brings. `changes` must be on disk before anything else of it leaves.
struct effects {
  std::vector<contract::state_change> changes;
  std::vector<std::pair<std::uint16_t, contract::delivery>> deliveries;  // by shard
  std::vector<std::pair<std::uint16_t, contract::due_will>> wills;
  std::vector<std::string> ready;             // clients that can take commands now
  std::vector<contract::command_event> told;  // what became of commands
};

}  // namespace fleetgate::sessions
