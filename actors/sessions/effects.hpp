// What the sessions brain wants done. Filled by the brain, emptied by its actor, on its thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/contract/command_mail.hpp"
#include "actors/contract/state_store.hpp"
#include "actors/contract/subscriber.hpp"

namespace fleetgate::sessions {

/// What a turn brings. `changes` must be on disk before anything else of it leaves.
struct effects {
  void change(std::string_view table, std::string key, std::optional<std::string> value) {
    bytes += key.size() + (value ? value->size() : 0);
    changes.push_back({std::string(table), std::move(key), std::move(value)});
  }
  void deliver(std::uint16_t shard, contract::delivery d) {
    bytes += d.packets->size();
    deliveries.emplace_back(shard, std::move(d));
  }

  std::vector<contract::state_change> changes;
  std::vector<std::pair<std::uint16_t, contract::delivery>> deliveries;  // by shard
  std::vector<std::pair<std::uint16_t, contract::due_will>> wills;
  std::vector<std::string> ready;             // clients that can take commands now
  std::vector<contract::command_event> told;  // what became of commands
  std::size_t bytes = 0;                      // of changes and deliveries, until all are done
};

}  // namespace fleetgate::sessions
