// What the commands stage may hold; from [commands] of the configuration.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fleetgate::commands {

inline constexpr std::size_t maximum_answer_bytes = 64 * 1024;
/// Of an answer that an end follows: an open command never gives way.
inline constexpr std::size_t maximum_taken_answer_bytes = 1024;

struct commands_limits {
  std::size_t open_per_device = 100;
  std::size_t bytes = 16 << 20;               // of all commands, finished ones too
  std::int64_t keep_ns = 86'400'000'000'000;  // how long a finished one can be asked for
};

}  // namespace fleetgate::commands
