// The dedup brain's bounds, all in one place, and its counters. Owned by the composition root.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/base/fault.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::dedup {

struct dedup_limits {
  std::size_t window_bytes = std::size_t{64} << 20;  // all windows in memory
  std::size_t gaps_per_epoch = 32;                   // holes remembered below the bitmap
  std::size_t remembered_hashes = 256;           // power of two, at most 512; inferred epochs only
  std::size_t pending = 262'144;                 // appended and not settled; half: committed
  std::size_t waiters_per_entry = 8;             // duplicates waiting for one settlement
  std::size_t sessions = 200'000;                // MQTT client ids, connected or resumable
  std::size_t held_packet_ids = 65'535;          // QoS 2, per session
  std::size_t held_in_all_sessions = 1'048'576;  // QoS 2 packet ids, 32 bytes each
  std::size_t redeliveries = 1'024;              // QoS 1 without a sequence, per session
  std::size_t quarantine_entries = 4'096;        // messages known to be bad
  std::uint64_t hash_seed = 0;  // at random per process: keeps key collisions out of clients' hands
};

/// Envelopes that were not kept, each once, by why: turned away at once or refused by the spool.
struct refusal_counts {
  using by_fault = std::array<std::uint64_t, fault_count>;
  std::uint64_t total = 0;
  std::uint64_t all_messages = 0;  // what is not a mark, whatever was promised
  by_fault messages{};             // levels durable and committed: their senders hear nothing
  std::array<by_fault, model::traffic_class_count> given_up{};  // levels none and received
  by_fault marks{};
};

/// Counters since the start of the process; the last group are gauges.
struct dedup_counters {
  std::uint64_t accepted = 0;           // envelopes that got a ticket, marks included
  std::uint64_t duplicate_settled = 0;  // answered at once
  std::uint64_t duplicate_waiting = 0;  // wait for the first one's settlement
  std::uint64_t below_window = 0;       // kept because nothing is remembered about them
  std::uint64_t older_epoch = 0;        // kept: of an epoch before the previous one
  std::uint64_t new_epoch_inferred = 0;
  std::uint64_t new_epoch_device = 0;
  std::uint64_t redelivered = 0;     // QoS 1 without a sequence, recognised by packet id
  std::uint64_t qos2_duplicate = 0;  // QoS 2, recognised by packet id
  std::uint64_t qos2_conflict = 0;   // QoS 2, a held packet id with other content: kept
  std::uint64_t quarantine_repeats = 0;
  std::uint64_t superseded = 0;  // waiters replaced by another connection's
  std::uint64_t taken_over = 0;  // connections that lost their client id
  std::uint64_t refused = 0;     // at once, over a limit or by the protocol
  std::uint64_t sessions_expired = 0;
  std::uint64_t sessions_pushed_out = 0;  // by newer ones, at the limit
  std::uint64_t windows_forgotten = 0;    // evicted without a store
  std::uint64_t windows_refused = 0;      // messages accepted without: memory full of dirty ones
  std::uint64_t cold_loads = 0;
  std::uint64_t cold_faults = 0;  // the store failed or held damaged bytes
  std::uint64_t windows = 0;
  std::uint64_t window_bytes = 0;
  std::uint64_t cold_windows = 0;
  std::uint64_t sessions = 0;
  std::uint64_t pending = 0;
};

}  // namespace fleetgate::dedup
