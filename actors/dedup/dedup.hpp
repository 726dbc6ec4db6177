// The brain on the journal's thread that knows what has been seen: joins the sequence windows, the
// MQTT sessions' packet ids and the memory of quarantined payloads. Owned by the journal, one
// thread. Limits: dedup_limits. Only evidence makes a duplicate; when in doubt a message is kept.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/contract/append.hpp"
#include "actors/contract/spool_reader.hpp"
#include "actors/contract/state_store.hpp"
#include "actors/dedup/identity.hpp"
#include "actors/dedup/limits.hpp"
#include "actors/dedup/pending_table.hpp"
#include "actors/dedup/quarantine_memory.hpp"
#include "actors/dedup/session_table.hpp"
#include "actors/dedup/waiting_room.hpp"
#include "actors/dedup/window_table.hpp"
#include "protocol/model/envelope.hpp"
#include "protocol/model/receipt.hpp"

namespace fleetgate::dedup {

struct restored_snapshot {
  std::uint64_t covered_lsn = 0;  // 0: there is none
  bool of_another_spool = false;  // and has been removed
};

class dedup {
 public:
  /// `store` holds the snapshots and the cold windows; nullptr: neither. It must outlive this.
  dedup(const dedup_limits& limits, contract::state_store* store);

  /// Decides one envelope, in the order of arrival, and fills in epoch, epoch_from and trace where
  /// they are missing. A ticket: append it. Nothing: it is answered already, or waits for another
  /// one's settlement. `now_ns` is monotonic. Every envelope gets exactly one receipt, now or at a
  /// settlement; a takeover adds one for the connection that lost its client id.
  ///
  /// Where there is no room, a message or release that `waits_for_room` and is not known is left
  /// undecided, without a receipt: `no_room`. It is to come again, in its turn.
  ///
  /// session_open and session_close read `envelope.session`: a close that leaves the state for
  /// later (connection lost) carries the session's expiry interval, one that ends it carries 0.
  std::optional<std::uint64_t> decide(model::envelope& e, std::uint64_t now_ns,
                                      std::vector<model::receipt>& receipts, bool has_room = true);
  static constexpr std::uint64_t no_room = 0;  // tickets count from 1

  /// Instead of a decision, for a message that nobody was promised: it gives way.
  void give_up(model::envelope& e, fault_code why, std::vector<model::receipt>& receipts);

  /// `e` is the same message as one that waits for room: its connection waits for it instead.
  void wait_instead(model::envelope& waits, const model::envelope& e,
                    std::vector<model::receipt>& receipts);
  [[nodiscard]] class_rooms& rooms_of(model::traffic_class cls) noexcept {
    return rooms_[model::index(cls)];
  }
  [[nodiscard]] waiting_room& room_of(model::traffic_class cls, model::ack_level level) noexcept {
    return rooms_of(cls)[level == model::ack_level::committed ? 1 : 0];
  }

  /// Whether so many more of the class may be pending; the last sixteenth is kept for control and
  /// heartbeat.
  [[nodiscard]] bool takes(model::traffic_class cls, std::size_t more) const noexcept;
  /// The same for a batch that waited. Messages of level committed may be half of what is pending:
  /// they stay until the required sinks have them, however long those are away.
  [[nodiscard]] bool takes(const contract::envelope_batch& waited) const noexcept;

  /// False: a message of the class may be of a device for which there is no window before the next
  /// snapshot is stored; also while the store fails, but not for longer than store_patience_ns.
  /// Control and heartbeat do not wait for that.
  [[nodiscard]] bool has_windows(model::traffic_class cls) const noexcept {
    return model::is_urgent(cls) || !windows_.is_full();
  }

  /// What became of a ticket. An unknown ticket is ignored.
  void settle(const contract::settlement& s, std::vector<model::receipt>& receipts);

  /// Start-up, first: reads the snapshot. `there`: the spool that lies in the data directory,
  /// nothing: none. A snapshot taken of another one says "stored" of messages that are gone, so
  /// what it knows of messages is removed; sessions stay, without their packets.
  result<restored_snapshot> restore(const std::optional<model::spool_uuid>& there);
  /// Start-up, once the spool is open and before the first `snapshot`: they are of this one. Also
  /// fails where the store failed in `recover`.
  result<void> belong_to(const model::spool_uuid& spool);
  /// Start-up, second: every record of the spool after that lsn, in order of lsn (earlier ones do
  /// no harm). Records of level `committed` stay pending until `required_passed` says otherwise.
  /// What lies above `durable_lsn` may still be lost, and is not stored yet.
  void recover(const contract::stored_record& record, std::uint64_t durable_lsn);
  /// How far every required reader has come, lane by lane: settles what `recover` left pending.
  /// Call it once after the last `recover` (`nobody_required()` where no reader is required), then
  /// whenever the slowest required cursor moves, for as long as `recovered_pending()` is not 0.
  void required_passed(const std::array<model::position, model::lane_count>& passed,
                       std::vector<model::receipt>& receipts);
  [[nodiscard]] std::size_t recovered_pending() const noexcept;
  static std::array<model::position, model::lane_count> nobody_required() noexcept;

  /// Appends what changed since the last snapshot, about `most_bytes` of it, and returns the lsn
  /// that the store covers once these changes are applied. Everything up to that lsn is settled;
  /// what is pending is not in it. While `snapshot_incomplete()`, call again for the rest; the lsn
  /// rises with the last part. Answer each call with `snapshot_stored` before the next one.
  std::uint64_t snapshot(std::vector<contract::state_change>& changes,
                         std::size_t most_bytes = static_cast<std::size_t>(-1));
  [[nodiscard]] bool snapshot_incomplete() const noexcept { return round_open_; }
  /// Whether the store has the changes of the last `snapshot` call (false: they come again).
  void snapshot_stored(bool ok);
  /// Windows can only leave memory once they are stored: true when memory is short of clean ones.
  [[nodiscard]] bool snapshot_due() const noexcept;
  /// The store has refused the last part.
  [[nodiscard]] bool store_fails() const noexcept { return windows_.store_fails(); }

  /// Ends expired sessions, a bounded number a call, and the waiting for a store that fails.
  void on_time(std::uint64_t now_ns);

  /// Where this client is connected; generation 0: nowhere.
  [[nodiscard]] model::connection_ref connection_of(std::string_view client_id) noexcept;

  [[nodiscard]] const dedup_limits& limits() const noexcept { return limits_; }
  [[nodiscard]] const dedup_counters& counters() const noexcept { return counters_; }
  [[nodiscard]] const refusal_counts& refusals() const noexcept { return refusals_; }

 private:
  using receipt_list = std::vector<model::receipt>;
  using ticket = std::optional<std::uint64_t>;
  struct verdict;  // dedup_message.cpp

  // dedup_message.cpp
  ticket decide_message(model::envelope& e, receipt_list& receipts);
  verdict judge_delivery(const model::envelope& e, session* s, std::uint64_t content);
  verdict judge_sequence(model::envelope& e);
  verdict judge_device_epoch(window& w, const model::envelope& e);
  verdict judge_inferred_epoch(window& w, model::envelope& e);
  [[nodiscard]] verdict judge_in(const epoch_memory& m, window& w, const model::envelope& e) const;
  void start_inferred_epoch(window& w, model::envelope& e, std::uint64_t previous);
  ticket accept(const model::envelope& e, window* where, session* s, std::uint64_t content,
                receipt_list& receipts);
  /// False: its packet id has no room any more; the envelope was refused.
  bool answer_known(const model::envelope& e, session* s, std::uint64_t content,
                    receipt_list& receipts);

  // dedup_marks.cpp
  ticket decide_quarantined(model::envelope& e, receipt_list& receipts);
  void tell_taken_over(const session& s, receipt_list& receipts);
  ticket keep_bad(const model::envelope& e);
  [[nodiscard]] bool may_wait_for(std::uint32_t slot);
  void tell_settled(const model::envelope& open, receipt_list& receipts);
  ticket decide_open(model::envelope& e, std::uint64_t now_ns, receipt_list& receipts);
  ticket decide_close(const model::envelope& e, std::uint64_t now_ns, receipt_list& receipts);
  ticket decide_release(const model::envelope& e, receipt_list& receipts);

  // dedup.cpp
  [[nodiscard]] bool full() const noexcept { return pending_.size() >= limits_.pending; }
  [[nodiscard]] bool takes_committed(std::size_t more) const noexcept;
  [[nodiscard]] bool has_place(const model::envelope& e) const noexcept;
  /// It stays undecided, so nothing may change for it: it is judged again.
  [[nodiscard]] bool must_wait(const model::envelope& e) const noexcept {
    return e.waits_for_room && (!has_room_ || !has_place(e));
  }
  std::uint32_t append(const model::envelope& e, session* s);
  ticket refuse(const model::envelope& e, fault_code why, receipt_list& receipts);
  void count_refusal(model::record_kind kind, bool promised, model::traffic_class cls,
                     fault_code why) noexcept;
  ticket answer(const model::envelope& e, model::outcome result, receipt_list& receipts);
  /// False: too many wait already; the envelope was refused.
  bool wait_for(std::uint32_t slot, const model::envelope& e, session* s, receipt_list& receipts);
  waiter waiter_of(const model::envelope& e, session* s);
  void supersede_others(std::uint32_t slot, const model::envelope& e, receipt_list& receipts);
  void finish(std::uint32_t slot, const contract::settlement& s, receipt_list& receipts);
  void finish_state(pending& p, std::uint32_t slot, const contract::settlement& s);
  void finish_message(pending& p, std::uint32_t slot, bool stored, std::uint64_t lsn);
  void finish_mark(pending& p, std::uint32_t slot, bool stored);
  void finish_waiter(const waiter& w, std::uint32_t slot, bool stored);

  // dedup_recovery.cpp
  void recover_message(const contract::stored_record& record, std::uint64_t durable_lsn);
  window* recover_window(const contract::stored_record& record, std::uint64_t durable_lsn);
  void recover_delivery(session& s, const model::envelope& e, std::uint32_t slot);
  std::uint32_t recover_pending(const contract::stored_record& record, window* where, session* s);
  void recover_open(const model::envelope& e);
  void recover_quarantined(const model::envelope& e);
  void store_windows(std::uint64_t durable_lsn);
  result<void> discard_packets();
  [[nodiscard]] std::uint64_t covered() const noexcept;

  dedup_limits limits_;
  contract::state_store* store_;
  dedup_counters counters_;
  refusal_counts refusals_;
  window_table windows_;
  session_table sessions_;
  quarantine_memory quarantine_;
  pending_table pending_;
  std::size_t committed_ = 0;  // of them, messages of level committed
  std::array<class_rooms, model::traffic_class_count> rooms_;
  std::uint64_t opens_ = 0;  // of sessions, since the start of the process
  bool has_room_ = true;     // for the envelope at hand
  window_key key_;           // of the message at hand
  std::string scratch_;      // key text of a quarantined payload; reused
  std::optional<fault> recovery_fault_;
  std::uint64_t stored_through_lsn_ = 0;  // in recovery
  std::uint64_t settled_lsn_ = 0;         // highest lsn that was ever settled
  std::uint64_t snapshot_lsn_ = 0;        // what the store covers
  /// A snapshot is written in parts; what was dirty when it began must be in it.
  struct round {
    std::uint64_t lsn = 0;
    std::size_t windows = 0;  // still to be written
    std::size_t sessions = 0;
    std::size_t quarantined = 0;
  };
  round round_;
  bool round_open_ = false;
  bool round_closing_ = false;  // the part in flight is the last and carries round_.lsn
  std::array<std::deque<std::uint32_t>, model::lane_count> recovered_;  // slots, by position
};

}  // namespace fleetgate::dedup
