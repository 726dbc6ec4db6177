// Between dedup and spool, both on the journal's thread: what to append, and what became of it.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/contract/envelope_batch.hpp"
#include "protocol/base/fault.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::contract {

/// One envelope to append: `batch->envelopes[index]`. Tickets count up from 1 without gaps in the
/// order of appends; dedup finds what it noted under a ticket when it is settled.
struct append_item {
  std::uint32_t index = 0;
  std::uint64_t ticket = 0;
};

struct append_request {
  envelope_batch_ptr batch;
  std::vector<append_item> items;  // in the batch's order; what is missing was not accepted
};

/// The fate of one appended envelope. Each ticket is settled exactly once: when it has reached its
/// level (durable: its group is synced; committed: every required reader has passed it; none and
/// received: when it is written or shed), or when it was refused.
struct settlement {
  std::uint64_t ticket = 0;
  bool stored = false;
  fault_code fault = fault_code::internal;  // only where !stored
  model::position at;                       // only where stored
};

/// The spool, asked by dedup before it passes a batch on. Same thread.
class append_gate {
 public:
  /// Whether records of `cls` with about `bytes` would be let in now; what may go to make room for
  /// them goes.
  [[nodiscard]] virtual bool make_room(model::traffic_class cls, std::uint64_t bytes) = 0;
  /// The disk fails or is full, and what the class brought last is not written: more of it would
  /// only wait here.
  [[nodiscard]] virtual bool is_stuck(model::traffic_class cls) const noexcept = 0;

 protected:
  append_gate() = default;
  append_gate(const append_gate&) = default;
  append_gate& operator=(const append_gate&) = default;
  ~append_gate() = default;
};

}  // namespace fleetgate::contract
