// The metric families of dedup, spool and sinks: what happens from the journal on.
#include <algorithm>
#include <chrono>

#include "actors/observe/probe_registration.hpp"
#include "actors/observe/stage_families.hpp"

namespace fleetgate::observe {
namespace {

constexpr std::array all_duplicate_kinds{duplicate_kind::settled, duplicate_kind::pending,
                                         duplicate_kind::redelivered, duplicate_kind::quarantined};

constexpr std::string_view to_string(duplicate_kind k) noexcept {
  switch (k) {
    case duplicate_kind::settled:
      return "settled";
    case duplicate_kind::pending:
      return "pending";
    case duplicate_kind::redelivered:
      return "redelivered";
    case duplicate_kind::quarantined:
      return "quarantined";
  }
  return {};
}

template <class Use>
void for_each_lane(Use&& use) {
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto lane = static_cast<model::lane>(i);
    use(lane, model::to_string(lane));
  }
}

/// Seconds since the moment in `cell` (Unix ns); 0 where it holds none.
std::function<double()> age_of(const gauge& cell, const unix_clock& now) {
  return [&cell, now] {
    const std::int64_t then = cell.value();
    return then == 0 ? 0.0 : std::max(0.0, static_cast<double>(now() - then) / 1e9);
  };
}

void register_dedup(registry& to, const journal_probe& p) {
  for (const auto kind : all_duplicate_kinds) {
    to.add(counts("fleetgate_duplicates_total",
                  "Messages recognised as already kept (settled, redelivered, quarantined) or on "
                  "their way (pending), and not appended again.",
                  {"reason"}),
           {to_string(kind)}, p.duplicates[kind]);
  }
  to.add(counts("fleetgate_below_window_total",
                "Messages older than what their window remembers: appended, perhaps again."),
         {}, p.below_window);
  to.add(counts("fleetgate_epochs_inferred_total",
                "Restarts of devices that were inferred because the device names no epoch."),
         {}, p.epochs_inferred);
  to.add(counts("fleetgate_without_window_total",
                "Messages appended without a duplicate window, as memory was full of windows that "
                "could not be stored: sent again, they are appended again."),
         {}, p.without_window);
  to.add(counts("fleetgate_unread_state_rows_total",
                "Rows of duplicate windows, sessions and quarantine that state.db did not give, or "
                "that make no sense: what they knew of a device is not used."),
         {}, p.unread_rows);
  to.add(level("fleetgate_windows", "Duplicate windows held in memory."), {}, p.windows);
  to.add(level("fleetgate_window_bytes", "Bytes of the duplicate windows held in memory."), {},
         p.window_bytes);
  to.add(level("fleetgate_window_limit_bytes",
               "How many bytes of duplicate windows memory may hold; the others are on disk."),
         {}, p.window_limit_bytes);
  for (const auto cls : model::all_traffic_classes) {
    const auto name = model::to_string(cls);
    to.add(counts("fleetgate_journal_envelopes_total",
                  "Messages taken from the shards, those for quarantine included.", {"class"}),
           {name}, p.envelopes[cls]);
    to.add(level("fleetgate_withheld_messages",
                 "Messages that wait in memory, unacknowledged, for room in the spool: their "
                 "class's share is used up, or too many of level committed wait for a sink.",
                 {"class"}),
           {name}, p.withheld[cls]);
    to.add(counts("fleetgate_settled_total", "Messages stored at the level they asked for.",
                  {"class"}),
           {name}, p.settled[cls]);
    for_each_fault([&](fault_code code, const fault_entry& entry) {
      const auto when = code == fault_code::spool_budget_full ? shown::always : shown::once_used;
      to.add(shed_total, {"journal", name, entry.name}, p.given_up[cls][code], when);
    });
  }
  add_reasons(
      to,
      counts(
          "fleetgate_refused_total",
          "Messages the journal neither kept nor acknowledged; their senders may send them again.",
          {"reason"}),
      {fault_class::overload, fault_class::transient}, p.refused);
  add_errors(to, p.refused);
  add_reasons(
      to,
      counts("fleetgate_marks_refused_total",
             "CONNECT, PUBREL and ends of sessions that the journal did not note.", {"reason"}),
      {fault_class::overload, fault_class::transient}, p.marks_refused);
}

void register_rounds(registry& to, const journal_probe& p) {
  to.add(counts("fleetgate_journal_rounds_total", "Passes over what the shards handed in."), {},
         p.rounds);
  to.add({"fleetgate_journal_group_records",
          "Records that one round wrote before it synced.",
          metric_type::histogram,
          {}},
         {}, p.group);
  to.add({"fleetgate_spool_sync_duration_seconds",
          "Duration of one fdatasync.",
          metric_type::histogram,
          {}},
         {}, p.sync);
  to.add(counts("fleetgate_spool_sync_failures_total",
                "Failed fdatasyncs. Their segments are never synced again."),
         {}, p.sync_failures);
  to.add({"fleetgate_spool_storage_failing",
          "1 while the spool cannot be written: acknowledgements are withheld.",
          metric_type::gauge,
          {}},
         {}, p.storage_trouble);
  to.add(stage_duration, {"journal_wait"}, p.wait);
  to.add(stage_duration, {"sync"}, p.sync);
}

void register_spool(registry& to, const journal_probe& p, const unix_clock& now) {
  for_each_lane([&](model::lane lane, std::string_view name) {
    to.add(
        counts("fleetgate_spool_appended_records_total",
               "Records appended, marks of sessions included; what was refused is not.", {"lane"}),
        {name}, p.appended_records[lane]);
    to.add(counts("fleetgate_spool_appended_bytes_total", "Bytes appended, headers included.",
                  {"lane"}),
           {name}, p.appended_bytes[lane]);
    to.add(counts("fleetgate_spool_shed_total",
                  "Records displaced from disk by the overload policy: telemetry that nothing was "
                  "promised for and a required sink had not read, the oldest of quarantine. Never "
                  "owed ones.",
                  {"lane"}),
           {name}, p.shed[lane]);
    to.add(level("fleetgate_spool_records", "Records kept on disk.", {"lane"}), {name},
           p.spool_records[lane]);
    to.add(level("fleetgate_spool_bytes", "Bytes kept on disk.", {"lane"}), {name},
           p.spool_bytes[lane]);
    to.add(level("fleetgate_spool_held_bytes",
                 "Bytes of them, about, that a required sink has not read: the rest goes when room "
                 "is wanted.",
                 {"lane"}),
           {name}, p.spool_held_bytes[lane]);
    to.add(level("fleetgate_spool_limit_bytes",
                 "Up to how many bytes on disk a record of this lane is let in: of all lanes but "
                 "quarantine together, as classes keep parts for themselves; of quarantine alone.",
                 {"lane"}),
           {name}, p.spool_limit_bytes[lane]);
    to.add(level("fleetgate_spool_oldest_age_seconds",
                 "Age of the oldest record kept, since it was received; 0 where there is none.",
                 {"lane"}),
           {name}, age_of(p.oldest_unix_ns[lane], now));
  });
  to.add(counts("fleetgate_spool_appended_marks_total",
                "Those of the appended records that are not messages: marks of sessions."),
         {}, p.appended_marks);
  to.add(level("fleetgate_spool_segments", "Segment files."), {}, p.segments);
  to.add(counts("fleetgate_spool_damaged_records_total",
                "Records whose checksum failed below the durable watermark: reported, skipped."),
         {}, p.damaged_records);
  to.add(counts("fleetgate_spool_torn_bytes_total",
                "Bytes cut behind the last durable record when the node started."),
         {}, p.torn_bytes);
}

}  // namespace

std::int64_t system_unix_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void register_probe(registry& to, const journal_probe& p, const unix_clock& now) {
  register_dedup(to, p);
  register_rounds(to, p);
  register_spool(to, p, now);
}

void register_probe(registry& to, std::string_view sink, const sink_probe& p,
                    const unix_clock& now) {
  const auto count = [&](std::string_view name, std::string_view help, const counter& c) {
    to.add(counts(name, help, {"sink"}), {sink}, c);
  };
  count("fleetgate_sink_rows_total", "Messages the sink has committed.", p.rows);
  count("fleetgate_sink_payload_bytes_total", "Bytes of payload in them.", p.bytes);
  count("fleetgate_sink_batches_total", "Batches committed.", p.batches);
  count("fleetgate_sink_filtered_total", "Messages the sink's rules leave out.", p.filtered);
  count("fleetgate_sink_dead_lettered_total", "Messages the sink refuses for good, kept apart.",
        p.dead_lettered);
  count("fleetgate_sink_damaged_total", "Damaged records this sink could not read.", p.damaged);
  count("fleetgate_sink_shed_total",
        "Records that were gone before this sink had read them: an optional one lagged too far, a "
        "segment was removed, an older database was put back.",
        p.shed);
  count("fleetgate_sink_retries_total", "Batches tried again.", p.retries);
  add_reasons_of(to, counts("fleetgate_sink_errors_total", "Failed attempts.", {"sink", "reason"}),
                 sink, {}, p.errors);
  to.add(level("fleetgate_sink_lag_records", "Records behind the sink's cursor.", {"sink"}), {sink},
         p.lag_records);
  to.add(level("fleetgate_sink_lag_seconds",
               "Age of the oldest record not delivered, since it was received; 0 where none.",
               {"sink"}),
         {sink}, age_of(p.lag_oldest_unix_ns, now));
  to.add(level("fleetgate_sink_paused", "1 while a person has paused it.", {"sink"}), {sink},
         p.paused);
  to.add(level("fleetgate_sink_circuit_state", "0 closed, 1 half-open, 2 open.", {"sink"}), {sink},
         p.circuit);
  to.add({"fleetgate_sink_commit_duration_seconds",
          "Duration of one committed batch.",
          metric_type::histogram,
          {"sink"}},
         {sink}, p.commit);
  to.add(stage_duration, {"sink_commit"}, p.commit);
  add_errors(to, p.errors);
}

}  // namespace fleetgate::observe
