// Dedup on the journal's thread: decides what the shards hand in, passes on what is new, and sends
// every receipt back to its shard.
//   (wake_atom)           batches or settlements have come, or the spool has room again
//   (stored_atom, number, bool)  the state store has (or has not) the snapshot of that number
//   (flush_atom) -> bool  take everything that has come (shutdown): nothing waits any more
//   (where_atom, client id) -> connection_ref, of generation 0 where it is not connected
//   (snapshot_atom)       take a snapshot now (before shutdown)
// Limits: dedup_limits; one snapshot under way; what it takes at once, journal_mail.round_bytes.
// What there is no room for waits here and goes on by itself (admission.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "actors/contract/journal_mail.hpp"
#include "actors/dedup/admission.hpp"
#include "actors/dedup/dedup.hpp"
#include "actors/observe/log.hpp"
#include "actors/observe/probes.hpp"
#include "actors/observe/trace_writer.hpp"
#include "actors/runtime/actor_body.hpp"
#include "actors/runtime/address.hpp"
#include "actors/runtime/timer.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::model::connection_ref)

namespace fleetgate::dedup {

using covers_atom = caf::atom_constant<caf::atom("covers")>;
using flush_atom = caf::atom_constant<caf::atom("flush")>;
using snapshot_atom = caf::atom_constant<caf::atom("snapshot")>;
using stored_atom = caf::atom_constant<caf::atom("stored")>;
using where_atom = caf::atom_constant<caf::atom("where")>;

/// What becomes of devices that memory has no window for, as the store fails.
enum class window_room : std::uint8_t { enough, waits, goes_without };
/// Called on the journal's thread when it has changed; must not block.
using window_room_listener = std::function<void(window_room)>;

class dedup_actor final : public runtime::actor_body {
 public:
  /// `spool` is told (covers_atom, lsn) when a snapshot is safe.
  dedup_actor(runtime::unit& home, dedup& brain, contract::journal_mail& mail,
              contract::append_gate& gate, const runtime::address& spool,
              observe::journal_probe& probe, observe::trace_writer& trace, observe::logger& log,
              window_room_listener on_window_room);
  const char* name() const override { return "dedup"; }

 private:
  caf::behavior make_behavior() override;
  void turn();
  [[nodiscard]] bool has_batches() const;
  [[nodiscard]] bool may_pass(model::traffic_class cls) const;
  [[nodiscard]] bool spool_has_room(const contract::envelope_batch& batch);
  [[nodiscard]] bool has_room(const contract::envelope_batch& batch);
  [[nodiscard]] bool has_room(const waiting_room& room);
  [[nodiscard]] std::int64_t withheld(model::traffic_class cls);
  bool take_waiting(model::traffic_class cls);
  bool take_new(model::traffic_class cls);
  [[nodiscard]] bool too_much_waits() const;
  [[nodiscard]] bool waits_for_spool(model::traffic_class cls) const;
  void take(contract::envelope_batch_ptr batch, pressure how);
  void settle(const contract::settlement_batch& batch);
  void send_receipts();
  void tell_shards_of_room();
  void tick();
  void on_time(std::uint64_t now_ns);
  void take_snapshot();
  void make_room();
  void snapshot_stored(std::uint64_t number, bool ok);
  void publish_counters();
  void publish_refusals();
  void tell_of_duplicates();
  [[nodiscard]] window_room room_for_windows() const;

  dedup& brain_;
  contract::journal_mail& mail_;
  contract::append_gate& gate_;
  const runtime::address& spool_;
  observe::journal_probe& probe_;
  observe::trace_writer& trace_;
  observe::logger& log_;
  window_room_listener on_window_room_;
  window_room window_room_ = window_room::enough;  // as it was told
  runtime::timer timer_;
  std::vector<model::receipt> receipts_;
  std::vector<std::vector<model::receipt>> by_shard_;
  dedup_counters published_;
  refusal_counts published_refusals_;
  std::uint64_t next_snapshot_ns_ = 0;
  std::uint64_t snapshot_covers_ = 0;
  std::uint64_t snapshot_number_ = 0;  // of the last one
  bool snapshot_under_way_ = false;
  bool room_wanted_ = false;  // by the spool, since the last snapshot for it
  std::uint64_t next_room_ns_ = 0;
  bool snapshot_wanted_ = false;
  bool told_of_duplicates_ = false;  // that will be, since a snapshot was stored
  bool took_ = false;                // something, in this turn
  bool going_down_ = false;          // everything is taken now, whether there is room or not
};

}  // namespace fleetgate::dedup
