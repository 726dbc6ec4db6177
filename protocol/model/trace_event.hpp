// What the flight recorder notes: a closed list of events, each with a stable name. Ordinary ones
// tell of a batch; anomalies of one message, connection or trouble, and are kept apart, so that
// traffic never pushes them out. Pure; docs/wire/recorder.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fleetgate::model {

enum class trace_kind : std::uint8_t { ordinary, anomaly };

// X(id, name, kind, text)
// The number of an event is stored: new ones come last.
#define FLEETGATE_TRACE_EVENTS(X)                                                                \
  X(synced, "spool.synced", ordinary, "a group of records is durable")                           \
  X(delivered, "sink.delivered", ordinary, "a sink has committed a batch and its cursor")        \
  X(connected, "connection.opened", ordinary, "a client's session is accepted")                  \
  X(disconnected, "connection.closed", ordinary, "a client said goodbye, or was gone")           \
  X(refused, "message.refused", anomaly, "a message was not kept, and not acknowledged")         \
  X(quarantined, "message.quarantined", anomaly, "a message can never pass and is kept apart")   \
  X(duplicate, "message.duplicate", anomaly, "a message is known and was not stored again")      \
  X(shed, "message.shed", anomaly, "a message that nothing was promised for was given up")       \
  X(sent_back, "message.sent_back", anomaly, "the device was told to send a message again")      \
  X(connection_rejected, "connection.rejected", anomaly, "a client was refused")                 \
  X(connection_lost, "connection.lost", anomaly, "a connection was closed for a fault")          \
  X(storage_failed, "spool.storage_failed", anomaly, "the spool cannot write")                   \
  X(storage_recovered, "spool.storage_recovered", anomaly, "the spool writes again")             \
  X(slow, "spool.slow", anomaly, "writing and syncing a group took long")                        \
  X(sink_failed, "sink.failed", anomaly, "a sink could not do its step")                         \
  X(sink_recovered, "sink.recovered", anomaly, "a sink has committed again after a failure")     \
  X(started, "node.started", anomaly, "the node has started")                                    \
  X(drained, "node.drained", anomaly, "the node has ended as it should")                         \
  X(actor_ended, "actor.ended", anomaly, "an actor ended, and its supervisor decided")           \
  X(actor_restarted, "actor.restarted", anomaly, "a successor runs")                             \
  X(escalated, "actor.escalated", anomaly, "an actor ended too often: the node goes down")       \
  X(spool_shed, "spool.shed", anomaly, "the oldest records of a lane gave way for want of room") \
  X(sink_missed, "sink.missed", anomaly, "records were gone or damaged before a sink had read them")

enum class trace_event : std::uint8_t {
#define FLEETGATE_X(id, name, kind, text) id,
  FLEETGATE_TRACE_EVENTS(FLEETGATE_X)
#undef FLEETGATE_X
};

inline constexpr std::size_t trace_event_count = 0
#define FLEETGATE_X(id, name, kind, text) +1
    FLEETGATE_TRACE_EVENTS(FLEETGATE_X)
#undef FLEETGATE_X
    ;

struct trace_event_entry {
  std::string_view name;
  trace_kind kind;
  std::string_view text;
};

/// The list's entry for `e`. A value read from outside must be < trace_event_count.
const trace_event_entry& describe(trace_event e) noexcept;

/// Nothing where there is no such event.
std::optional<trace_event> parse_trace_event(std::string_view name) noexcept;

}  // namespace fleetgate::model
