// What a sink says of itself when it is asked, and what it can be told to do. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/contract/spool_reader.hpp"
#include "protocol/base/fault.hpp"

namespace fleetgate::contract {

enum class sink_state : std::uint8_t {
  opening,   // on its way to its store
  running,   // delivers, or waits for more
  retrying,  // the last try failed, another one comes by itself
  paused,    // a person said so
  stopped,   // a permanent fault: waits for a person
};

constexpr std::string_view to_string(sink_state s) noexcept {
  switch (s) {
    case sink_state::opening:
      return "opening";
    case sink_state::running:
      return "running";
    case sink_state::retrying:
      return "retrying";
    case sink_state::paused:
      return "paused";
    case sink_state::stopped:
      return "stopped";
  }
  return {};
}

struct sink_report {
  std::string name;
  sink_state state = sink_state::opening;
  cursor delivered;  // what its store has
  std::uint64_t lag_records = 0;
  std::uint64_t rows = 0;             // since start
  std::uint32_t failures = 0;         // since the last success
  std::optional<fault> last_failure;  // since start
};

/// Deliver again what the spool still has from `from` on; nothing: from its beginning.
struct replay_request {
  std::optional<model::position> from;
  bool allow_duplicates = false;  // though the store would not know the rows again
};

/// What a command to a sink came to.
struct sink_answer {
  std::optional<fault> refused;  // nothing has changed
  sink_report report;
};

}  // namespace fleetgate::contract
