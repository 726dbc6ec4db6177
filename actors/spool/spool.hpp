// The log that acknowledgements rest on: one lane of segments per class and promise, group commit,
// budgets, retention. Owned by the journal and used on its thread only; readers on other threads
// share spool_view. Limit: spool_options. Format: docs/wire/spool.md.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/contract/append.hpp"
#include "actors/contract/file_layer.hpp"
#include "actors/contract/spool_reader.hpp"
#include "actors/spool/lane_log.hpp"
#include "actors/spool/reader_registry.hpp"
#include "actors/spool/recovery.hpp"
#include "actors/spool/spool_id.hpp"
#include "actors/spool/spool_view.hpp"
#include "protocol/model/class_shares.hpp"

namespace fleetgate::spool {

struct spool_options {
  std::string directory;                                // <data_dir>/spool
  std::uint64_t budget_bytes = std::uint64_t{8} << 30;  // all lanes but quarantine
  std::uint64_t segment_bytes = 64 << 20;               // at most a sixteenth of the budget is used
  std::uint64_t quarantine_budget_bytes = 64 << 20;
  std::chrono::nanoseconds free_sync_interval = std::chrono::milliseconds(200);
  std::uint64_t free_sync_bytes = 4 << 20;
  std::chrono::nanoseconds retry_least = std::chrono::milliseconds(100);
  std::chrono::nanoseconds retry_most = std::chrono::seconds(5);
  std::uint32_t opened_at_s = 0;  // Unix time, which names the start; 0: one above the last
  model::spool_uuid new_uuid;     // for a directory without one; all zero: drawn at random
};

/// What a lane has taken and lost since the spool was opened.
struct lane_counts {
  std::uint64_t appended_records = 0;  // admitted; what was refused is not among them
  std::uint64_t appended_marks = 0;    // those of them that are not messages
  std::uint64_t appended_bytes = 0;    // as on disk
  /// Displaced before every required reader had them; of quarantine all that gave way.
  std::uint64_t shed_records = 0;
};
using spool_counts = std::array<lane_counts, model::lane_count>;

struct lane_stats {
  std::uint64_t bytes = 0;       // on disk and pending
  std::uint64_t held_bytes = 0;  // of them, about, what a required reader has not read
  /// Up to where a record of this lane is let in where no other class has anything: of
  /// `used_bytes`; quarantine: of its own bytes.
  std::uint64_t limit_bytes = 0;
  std::uint64_t records = 0;
  std::uint64_t segments = 0;
  std::int64_t oldest_received_time_ns = 0;  // Unix time; 0: the lane is empty
};

struct storage_trouble {
  fault_code code = fault_code::storage_io;
  std::uint64_t since_ns = 0;  // the `now` of the commit in which it began
  std::string detail;
};

struct spool_stats {
  std::array<lane_stats, model::lane_count> lanes{};
  std::uint64_t used_bytes = 0;  // against budget_bytes
  std::uint64_t budget_bytes = 0;
  std::uint64_t refused_records = 0;  // since open
  std::uint64_t removed_segments = 0;
  std::uint64_t storage_faults = 0;
  std::optional<storage_trouble> trouble;  // while something cannot be written
  std::uint64_t damaged_records = 0;       // found by recovery
  std::uint64_t torn_bytes = 0;
  std::vector<reader_stats> readers;
};

/// What a commit writes: everything, or control and heartbeat alone.
enum class commit_part : std::uint8_t { all, urgent };

class spool final : public contract::append_gate {
 public:
  /// Recovers what lies in the directory, then starts a new incarnation. Hands the records with
  /// lsn >= `visit_from_lsn` to the visitor in the order of their positions, all lanes merged.
  /// Closed segments that lie wholly below it are not read. Faults: storage_io, storage_full,
  /// storage_damaged (written by a newer program).
  static result<std::unique_ptr<spool>> open(contract::file_layer& files, spool_options options,
                                             std::uint64_t visit_from_lsn,
                                             const recovered_visitor& visit);

  /// Which spool lies in this directory; nothing: none. Makes the directory. Faults: storage_io,
  /// storage_full.
  static result<std::optional<model::spool_uuid>> uuid_in(contract::file_layer& files,
                                                          const std::string& directory);

  /// How a budget of so many bytes is shared.
  static model::class_shares shares_of(std::uint64_t budget) noexcept;

  [[nodiscard]] const recovery_report& recovered() const noexcept { return recovered_; }

  /// Takes a whole request. Payloads and texts are copied at once, so the batch may go when this
  /// returns; its memory charge is kept until those of its records that were taken are written
  /// (free lanes) or durable (owed lanes), whatever becomes of other batches. Refusals settle here:
  /// spool_budget_full, packet_too_large.
  void append(const contract::append_request& request, std::vector<contract::settlement>& settled);

  [[nodiscard]] bool make_room(model::traffic_class cls, std::uint64_t bytes) override;
  /// Never control and heartbeat: they are few, and CONNECT is among them.
  [[nodiscard]] bool is_stuck(model::traffic_class cls) const noexcept override;

  /// Writes and syncs what is pending, control first; never fails: what could not be written stays
  /// pending and is tried again at next_deadline_ns().
  void commit(std::uint64_t now_ns, std::vector<contract::settlement>& settled,
              commit_part which = commit_part::all);

  /// True where a commit has something to write.
  [[nodiscard]] bool has_pending() const noexcept;
  /// True where it has both something urgent to write and something else.
  [[nodiscard]] bool has_mixed_pending() const noexcept;
  /// When commit must be called though nothing comes in: a free lane's sync or a retry is due.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ns() const noexcept;

  /// Register all readers before the first advance_reader, or segments may go that a later one
  /// wanted. A cursor{} stands before the first record. Faults: foreign_spool,
  /// position_beyond_end; the reader is then registered at the beginning, so that nothing goes
  /// before someone has decided.
  result<void> register_reader(std::string name, bool required, const contract::cursor& at);
  /// The same for one that takes messages nowhere for good (reader_registry::put_follower).
  result<void> register_follower(std::string name, const contract::cursor& at);
  /// `at` is durable with the reader. Settles level `committed`, removes segments. Faults:
  /// not_found, foreign_spool, position_beyond_end; then nothing has changed.
  result<void> advance_reader(std::string_view name, const contract::cursor& at,
                              std::vector<contract::settlement>& settled);
  /// The reader goes back to `at` (where it is behind that already it stays), so that nothing more
  /// goes before it has come again. What is gone already stays gone. Faults as advance_reader.
  result<void> rewind_reader(std::string_view name, const contract::cursor& at);
  /// For a sink that is gone for good. Records that only it held back settle.
  void unregister_reader(std::string_view name, std::vector<contract::settlement>& settled);

  /// How far the slowest required reader has come; the highest position where none is required.
  [[nodiscard]] std::array<model::position, model::lane_count> required_passed() const noexcept {
    return readers_.required_passed();
  }

  /// Windows and sessions are safe elsewhere up to and including `lsn`. Where that is news, notes
  /// how far each lane has come: one small write and sync.
  void set_snapshot_floor(std::uint64_t lsn);
  /// Room is short, and a snapshot would let more of it be given back.
  [[nodiscard]] bool wants_snapshot() const noexcept;
  /// The highest lsn given so far; 0: none ever.
  [[nodiscard]] std::uint64_t last_lsn() const noexcept { return next_lsn_ - 1; }
  /// Of them, since open, those whose records bear another one now.
  [[nodiscard]] std::uint64_t lsns_given_up() const noexcept;
  /// Nothing at or below it is pending.
  [[nodiscard]] std::uint64_t durable_lsn() const noexcept;
  [[nodiscard]] std::uint32_t incarnation() const noexcept { return id_.incarnation; }
  [[nodiscard]] model::spool_uuid uuid() const noexcept { return id_.uuid; }

  /// Writes and syncs everything, free lanes included, and notes how far each lane has come. The
  /// fault of what could not be written; then it is still pending.
  result<void> close(std::uint64_t now_ns, std::vector<contract::settlement>& settled);

  [[nodiscard]] std::shared_ptr<spool_view> view() const noexcept { return view_; }
  [[nodiscard]] spool_stats stats() const;
  [[nodiscard]] const spool_counts& counts() const noexcept { return counts_; }
  /// Appended since open, marks left out.
  [[nodiscard]] std::uint64_t kept_messages() const noexcept { return kept_messages_; }
  /// Of `stats().refused_records`, those that are messages.
  [[nodiscard]] std::uint64_t refused_messages() const noexcept { return refused_messages_; }
  /// Of what a lane was given last, and of what of it is durable.
  [[nodiscard]] std::uint64_t last_ordinal(model::lane in) const noexcept {
    return lanes_[model::index(in)].last_ordinal();
  }
  [[nodiscard]] std::uint64_t durable_ordinal(model::lane in) const noexcept {
    return lanes_[model::index(in)].durable_ordinal();
  }
  [[nodiscard]] const std::vector<reader_registry::reader>& readers() const noexcept {
    return readers_.all();
  }

 private:
  struct waiting_ticket {
    std::uint64_t ticket = 0;
    model::position at;
  };
  struct retry_state {
    std::uint64_t at_ns = 0;  // 0: no trouble
    std::uint64_t backoff_ns = 0;
  };

  spool(contract::file_layer& files, spool_options options, spool_id_file id_file, spool_id id,
        recovered_lanes lanes);

  /// The lane that took it; nothing where it was refused. `bytes`: encoded_bytes(e); `fits`: its
  /// class is known to have room.
  std::optional<model::lane> append_one(const model::envelope& e, std::size_t bytes, bool fits,
                                        std::uint64_t ticket,
                                        std::vector<contract::settlement>& settled);
  [[nodiscard]] std::uint64_t used_bytes() const noexcept;
  void commit_lane(lane_log& l, bool sync, std::uint64_t now_ns,
                   std::vector<contract::settlement>& settled);
  [[nodiscard]] bool sync_due(const lane_log& l, std::uint64_t now_ns) const noexcept;
  void note_trouble(const fault& f, retry_state& retry, std::uint64_t now_ns);
  void clear_trouble() noexcept;
  void settle(lane_log& l, std::vector<contract::settlement>& settled);
  void settle_waiting(std::vector<contract::settlement>& settled);
  result<void> note_extent(const lane_log* emptied, bool clean);

  // retention.cpp
  bool admit(const model::envelope& e, model::lane in, std::uint64_t bytes);
  bool make_quarantine_room(std::uint64_t bytes);
  [[nodiscard]] bool may_close_front(const lane_log& l) const noexcept;
  bool shed_oldest();
  [[nodiscard]] model::class_bytes used_by_class() const noexcept;
  [[nodiscard]] bool has_room(model::traffic_class cls, std::uint64_t bytes) const noexcept;
  [[nodiscard]] std::uint64_t held_bytes(const lane_log& l) const noexcept;
  /// How many of its records a required reader had not read; nothing where it is still there.
  std::optional<std::uint64_t> shed_front(lane_log& l);
  std::uint64_t ordinal_after(const kept_segment& s, const model::position& at);
  bool remove_front(lane_log& l);
  void collect();

  contract::file_layer& files_;
  const spool_options options_;
  const model::class_shares shares_;
  spool_id_file id_file_;
  spool_id id_;
  recovery_report recovered_;
  std::shared_ptr<spool_view> view_;
  std::vector<lane_log> lanes_;  // by model::index(lane)
  std::array<retry_state, model::lane_count> retries_{};
  std::array<std::optional<std::uint64_t>, model::lane_count> unsynced_since_ns_{};
  std::array<std::deque<waiting_ticket>, model::lane_count> waiting_;  // level committed
  std::vector<pending_ticket> scratch_;
  std::vector<std::size_t> sizes_;  // of the records of the request at hand; reused
  reader_registry readers_;
  /// Of the batches that have records in the lane which are not written yet. A batch may have them
  /// in an owed lane, a free one and quarantine: its charge goes with the last of these.
  using shared_charge = std::shared_ptr<const runtime::memory_charge>;
  std::array<std::vector<shared_charge>, model::lane_count> charges_;
  std::uint64_t next_lsn_ = 1;
  std::uint64_t snapshot_floor_ = 0;
  spool_stats counters_;  // the counting members only
  spool_counts counts_{};
  std::uint64_t kept_messages_ = 0;
  std::uint64_t refused_messages_ = 0;
};

}  // namespace fleetgate::spool
