// What the sessions stage may hold; the first from [subscriptions] of the configuration.
#pragma once

#include <cstddef>

#include "actors/contract/subscriber.hpp"
#include "protocol/mqtt/outbox.hpp"

namespace fleetgate::sessions {

struct sessions_limits {
  mqtt::outbox_limits queue;                     // of one session
  std::size_t subscriptions_per_session = 1024;  // filters
  std::size_t subscriptions = 1'000'000;         // of all sessions
  std::size_t filter_bytes_per_session = 64 << 10;
  std::size_t filter_bytes = 512 << 20;     // of all: twice their bytes and 96 a level
  std::size_t away_queue_bytes = 64 << 20;  // of all whose clients are away
  std::size_t retained_messages = 100'000;
  std::size_t retained_bytes = 64 << 20;
  std::size_t waiting_will_bytes = 64 << 20;  // for their delay; beyond it one is published at once
  std::size_t due_wills = contract::most_due_wills;  // that the spool has not yet
  std::size_t due_will_bytes = 16 << 20;
};

}  // namespace fleetgate::sessions
