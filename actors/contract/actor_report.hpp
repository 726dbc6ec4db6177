// What is known of the actors of a node, for people: the tree of supervisors and what became of
// those whom they watch. Limit: the actors that a configuration makes; connections are counted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/fault.hpp"

namespace fleetgate::contract {

enum class actor_state : std::uint8_t {
  running,
  unresponsive,  // it has been with one thing for too long
  restarting,    // it has ended, and its successor waits for its time
  given_up,      // of a supervisor: one of its actors ended too often
};
std::string_view to_string(actor_state s) noexcept;

struct actor_report {
  std::string name;
  actor_state state = actor_state::running;
  std::uint64_t restarts = 0;
  std::optional<fault> last_error;       // why it ended last
  std::int64_t last_error_time_ns = 0;   // Unix time
  std::optional<std::uint64_t> busy_ns;  // with what it does now; nothing: it waits, or shares a
                                         // unit, whose heartbeat tells
};

struct supervisor_report {
  std::string name;
  actor_state state = actor_state::running;
  std::vector<actor_report> actors;
};

}  // namespace fleetgate::contract
