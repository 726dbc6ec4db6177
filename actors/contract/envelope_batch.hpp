// What a shard hands to the journal in one round: envelopes of one traffic class and the memory
// they point into. Moves from parser to dedup to spool; goes when its group is on disk.
#pragma once

#include <memory>
#include <vector>

#include "actors/runtime/arena.hpp"
#include "actors/runtime/memory_budget.hpp"
#include "protocol/model/envelope.hpp"

namespace fleetgate::contract {

struct envelope_batch {
  model::traffic_class cls = model::traffic_class::telemetry;
  std::uint16_t shard = 0;
  std::uint64_t messages_so_far = 0;  // of the shard and class, those in this batch included
  std::vector<model::envelope> envelopes;
  runtime::arena memory;
  runtime::memory_charge charge;
};

using envelope_batch_ptr = std::unique_ptr<envelope_batch>;

}  // namespace fleetgate::contract
