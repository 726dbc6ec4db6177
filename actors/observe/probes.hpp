// What each stage counts, as plain structs: the stage owns one and does `++` on its own thread, the
// admin thread reads. No locks. `register_probe` (probe_registration.hpp) gives them their names.
#pragma once

#include <array>
#include <cstdint>

#include "actors/observe/counter.hpp"
#include "actors/observe/histogram.hpp"
#include "protocol/base/fault.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::observe {

enum class quality_of_service : std::uint8_t { at_most_once, at_least_once, exactly_once };
enum class payload_format : std::uint8_t { json, messagepack, raw };

/// Why dedup did not append a message again (docs/ARCHITECTURE.md, Window).
enum class duplicate_kind : std::uint8_t {
  settled,      // known and stored: acknowledged at once
  pending,      // known and on its way: waits for the same receipt
  redelivered,  // no sequence, but the same packet of the same session again (MQTT DUP)
  quarantined,  // a payload known to be bad, kept apart already or about to be
};

/// Why a subscriber does not get a message that its subscription matches.
enum class undelivered : std::uint8_t {
  queue_full,    // too much waits for the client already
  slow_client,   // QoS 0: the client does not take what it is sent
  mailbox_full,  // QoS 0: its shard does not take more now
  no_memory,
  expired,
  too_large,  // for what the client said that it takes
};

enum class circuit_state : std::uint8_t { closed, half_open, open };

template <class Cell>
using per_class = cells<model::traffic_class, model::traffic_class_count, Cell>;
template <class Cell>
using per_lane = cells<model::lane, model::lane_count, Cell>;
template <class Cell>
using per_qos = cells<quality_of_service, 3, Cell>;
using per_fault = cells<fault_code, fault_count, counter>;
using per_format = cells<payload_format, 3, counter>;
using per_undelivered = cells<undelivered, 6, counter>;
using per_duplicate_kind = cells<duplicate_kind, 4, counter>;

/// Connections of one listener on one shard; the shard's thread. Every accepted connection ends in
/// exactly one of `rejected`, `closed_normally` and `closed`, so
/// accepted = open + rejected + closed_normally + closed.
struct alignas(cache_line_bytes) ingress_probe {
  gauge connections_open;
  gauge connections_paused;  // acknowledgements withheld or reading stopped, because we are full
  counter connections_accepted;
  per_fault connections_rejected;  // before or with CONNACK
  per_fault connections_closed;    // after CONNACK, by fault
  counter connections_closed_normally;

  counter bytes_in, bytes_out;

  per_undelivered undelivered_here;  // what the sessions stage had sent this way

  per_class<per_qos<counter>> publishes;  // received, whatever became of them
  counter repeats;                        // of QoS 2 messages, not among them
  per_class<per_fault> shed;              // given up by policy; nothing was promised for them
  per_class<per_fault> sent_back;         // for the device to send again; not acknowledged
  per_class<histogram> acknowledged;      // from bytes received to the stored receipt, ns
};

/// One parser, its shard's thread.
struct alignas(cache_line_bytes) parse_probe {
  per_format messages;
  per_fault quarantined;
  histogram duration;  // of one batch, ns
};

/// Dedup and spool, the journal's thread. A round is one pass over what the shards handed in.
struct alignas(cache_line_bytes) journal_probe {
  counter rounds;
  histogram wait;  // from a shard's hand-over of a batch to the journal taking it, ns
  /// Messages taken from the shards, quarantined ones too. Each ends in exactly one of duplicates,
  /// refused, given_up and (appended_records - appended_marks).
  per_class<counter> envelopes;
  per_duplicate_kind duplicates;
  counter below_window;  // older than what the window remembers: stored, maybe again
  counter epochs_inferred;
  counter without_window;  // messages of devices that memory had no window for
  counter unread_rows;     // of dedup's tables in the state store
  gauge windows;           // held in memory
  gauge window_bytes;      // of them
  gauge window_limit_bytes;
  per_class<counter> settled;     // stored at their level
  per_fault refused;              // messages not kept, and not acknowledged
  per_class<per_fault> given_up;  // messages not kept that nothing was promised for
  per_class<gauge> withheld;      // messages that wait for room in the spool
  per_fault marks_refused;        // CONNECT, PUBREL and ends of sessions that were not noted

  /// Messages that were not kept for this reason.
  [[nodiscard]] std::uint64_t turned_away(fault_code why) const noexcept {
    std::uint64_t sum = refused[why].value();
    for (const auto cls : model::all_traffic_classes) sum += given_up[cls][why].value();
    return sum;
  }

  per_lane<counter> appended_records;
  counter appended_marks;            // of these, those that are not messages
  per_lane<counter> appended_bytes;  // as on disk
  histogram group;                   // records that one round wrote
  histogram sync;                    // one fdatasync, ns
  counter sync_failures;
  gauge storage_trouble;   // 1 while something cannot be written
  per_lane<counter> shed;  // records displaced from disk by policy

  per_lane<gauge> spool_records;
  per_lane<gauge> spool_bytes;
  per_lane<gauge> spool_held_bytes;  // of them, about, what a required reader has not read
  per_lane<gauge> spool_limit_bytes;
  per_lane<gauge> oldest_unix_ns;  // receive time of the oldest record kept; 0 where empty
  gauge segments;
  counter damaged_records;  // their checksum failed: reported, skipped
  counter torn_bytes;       // cut behind the last durable record at start-up
};

/// One sink, its own thread. Accounting: appended = rows + filtered + dead_lettered + damaged +
/// shed
/// + lag_records.
struct alignas(cache_line_bytes) sink_probe {
  counter rows;
  counter bytes;    // of payload in them
  counter batches;  // committed
  counter filtered;
  counter dead_lettered;
  counter damaged;
  counter shed;  // gone before it read them
  counter retries;
  per_fault errors;
  gauge lag_records;
  gauge lag_oldest_unix_ns;  // receive time of the oldest record not delivered; 0 where none
  gauge circuit;             // a circuit_state
  gauge paused;              // 1 while a person has paused it
  histogram commit;          // one batch, ns

  void set_circuit(circuit_state s) noexcept { circuit.set(static_cast<std::int64_t>(s)); }
};

/// The commands stage, its thread.
struct alignas(cache_line_bytes) commands_probe {
  std::array<gauge, 4> commands;  // by contract::command_state
  gauge bytes, bytes_limit;
  counter accepted;    // new ones
  per_fault refused;   // asked for, and not taken
  counter deliveries;  // sent to a device; again counts again
};

/// The sessions stage, its thread.
struct alignas(cache_line_bytes) sessions_probe {
  gauge sessions;       // that are kept, with or without a connection
  gauge subscriptions;  // filters
  gauge filter_bytes, filter_bytes_limit;
  gauge queued;  // messages that wait for clients, or for their acknowledgement
  gauge away_queue_bytes, away_queue_bytes_limit;      // of the queues of clients that are away
  gauge waiting_will_bytes, waiting_will_bytes_limit;  // of wills that wait for their delay
  gauge retained, retained_limit;
  gauge retained_bytes, retained_bytes_limit;
  counter routed;  // messages on their way to a client, each counted once a client
  per_undelivered undelivered_there;
  counter retained_refused;  // no room: the topic keeps what it had
  counter wills_published;
  counter shed;     // records that were gone before they were read
  counter damaged;  // records that were skipped because their checksum failed
  gauge lag_records;
};

}  // namespace fleetgate::observe
