// Sending quarantined messages through the parser once more, after what they broke was mended: what
// is asked for, and what came of it. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/contract/loose_message.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::contract {

/// Which messages; what is not given does not matter.
struct quarantine_filter {
  std::optional<model::position> only;
  model::position after;  // behind this one
  std::string device;
  std::string topic;  // a filter
  std::optional<fault_code> why;
  std::size_t most = 100;
  bool again = false;  // those too that were replayed before
};

enum class replay_state : std::uint8_t {
  unknown = 1,  // it was sent; whether it has arrived, nobody knows
  done = 2,
};

/// Of the state store: key is the position of the message, which only its spool gives a meaning.
inline constexpr std::string_view replays_table_name = "quarantine_replays";

/// What is remembered of a quarantined message that was sent again.
struct replay_mark {
  replay_state state = replay_state::unknown;
  std::int64_t time_ns = 0;  // Unix time
};

struct replayed_message {
  model::position at;
  message_fate fate;
};

struct replay_report {
  std::vector<replayed_message> messages;
  std::uint64_t passed_over = 0;        // replayed before
  std::optional<model::position> next;  // where to go on; nothing: that was all
};

}  // namespace fleetgate::contract
