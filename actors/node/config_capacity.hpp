// What a configuration's budgets hold, in messages and seconds: the numbers an operator thinks in.
// Pure. Estimates, from the size of a typical message.
#pragma once

#include <cstdint>
#include <string>

#include "actors/node/config.hpp"

namespace fleetgate::node {

/// Messages of `payload_bytes` that arrive at `messages_per_second`.
struct typical_load {
  std::uint64_t payload_bytes = 256;
  std::uint64_t messages_per_second = 10'000;
};

struct config_capacity {
  std::uint64_t memory_messages = 0;  // telemetry: without what is reserved for other classes
  std::uint64_t memory_seconds = 0;
  std::uint64_t spool_messages = 0;
  std::uint64_t spool_seconds = 0;
};

config_capacity capacity_of(const config& c, const typical_load& load = {});

/// What `config check` prints behind "ok": one line a subject.
std::string summary(const config& c);

}  // namespace fleetgate::node
