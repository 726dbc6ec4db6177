// What the sessions stage may hold; from [subscriptions] of the configuration.
#pragma once

#include <cstddef>

#include "protocol/mqtt/outbox.hpp"

namespace fleetgate::sessions {

struct sessions_limits {
  mqtt::outbox_limits queue;                     // of one session
  std::size_t subscriptions_per_session = 1024;  // filters
  std::size_t subscriptions = 1'000'000;         // of all sessions
  std::size_t retained_messages = 100'000;
  std::size_t retained_bytes = 64 << 20;
};

}  // namespace fleetgate::sessions
