// fleetgate_undelivered_total, which shards and the sessions stage feed. Private to the
// registration of probes.
#pragma once

#include "actors/observe/stage_families.hpp"

namespace fleetgate::observe {

constexpr std::string_view to_string(undelivered why) noexcept {
  switch (why) {
    case undelivered::queue_full:
      return "queue_full";
    case undelivered::slow_client:
      return "slow_client";
    case undelivered::mailbox_full:
      return "mailbox_full";
    case undelivered::no_memory:
      return "no_memory";
    case undelivered::expired:
      return "expired";
    case undelivered::too_large:
      return "too_large";
  }
  return {};
}

inline void add_undelivered(registry& to, const per_undelivered& by_reason) {
  for (const auto why :
       {undelivered::queue_full, undelivered::slow_client, undelivered::mailbox_full,
        undelivered::no_memory, undelivered::expired, undelivered::too_large}) {
    to.add(
        counts("fleetgate_undelivered_total",
               "Messages that a subscriber does not get, each counted once a client.", {"reason"}),
        {to_string(why)}, by_reason[why]);
  }
}

}  // namespace fleetgate::observe
