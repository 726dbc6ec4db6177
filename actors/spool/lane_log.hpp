// One lane's writing side: the group that waits in memory, the segment it goes to, the segments
// that are kept. Owned by the spool, on the journal's thread. Limit: the group holds what was
// appended since the last durable commit; the spool bounds that.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/file_layer.hpp"
#include "actors/spool/group_buffer.hpp"
#include "actors/spool/recovery.hpp"
#include "actors/spool/segment.hpp"
#include "actors/spool/spool_view.hpp"
#include "protocol/model/envelope.hpp"

namespace fleetgate::spool {

/// One appended record that is not settled yet.
struct pending_ticket {
  std::uint64_t ticket = 0;
  std::uint64_t lsn = 0;
  bool waits_for_readers = false;  // level committed
};

struct lane_context {
  contract::file_layer* files = nullptr;
  spool_view* view = nullptr;
  std::uint64_t* next_lsn = nullptr;  // node-wide
  std::string spool_directory;
  model::spool_uuid uuid;
  std::uint32_t incarnation = 0;
  std::uint64_t segment_bytes = 0;
};

class lane_log {
 public:
  lane_log(lane_context context, model::lane in, recovered_lane recovered);

  [[nodiscard]] model::lane in() const noexcept { return in_; }

  /// Takes the next lsn. `bytes` is encoded_bytes(e).
  void append(const model::envelope& e, std::size_t bytes, std::uint64_t ticket);

  /// Writes what is not yet written; with `sync` makes all of it durable and visible. After a
  /// fault everything since the last durable commit is pending again, for a new segment; the old
  /// one is never written or synced again. Faults: storage_full, storage_io.
  result<void> flush(bool sync);

  [[nodiscard]] std::uint64_t unwritten_bytes() const noexcept { return group_.size() - written_; }
  [[nodiscard]] std::uint64_t unsynced_bytes() const noexcept { return group_.size(); }
  /// Tickets whose record is written (free lanes) or durable (owed lanes), each handed out once.
  void take_settled(std::vector<pending_ticket>& out);
  /// The lowest lsn that is not durable; nothing where there is none.
  [[nodiscard]] std::optional<std::uint64_t> first_pending_lsn() const noexcept;

  [[nodiscard]] const std::deque<kept_segment>& segments() const noexcept { return segments_; }
  /// Bytes on disk and in the group.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return kept_bytes_ + group_.size(); }
  [[nodiscard]] std::uint64_t durable_ordinal() const noexcept { return durable_ordinal_; }
  /// Of what was appended last, durable or not.
  [[nodiscard]] std::uint64_t last_ordinal() const noexcept { return next_ordinal_ - 1; }
  [[nodiscard]] std::uint64_t first_ordinal() const noexcept {
    return segments_.empty() ? durable_ordinal_ + 1 : segments_.front().shared->first_ordinal;
  }
  /// Since open, by records that were given another one for a new segment.
  [[nodiscard]] std::uint64_t lsns_given_up() const noexcept { return lsns_given_up_; }
  /// Durable and pending.
  [[nodiscard]] std::uint64_t records() const noexcept { return next_ordinal_ - first_ordinal(); }
  /// Unix time of the oldest record; 0 where there is none.
  [[nodiscard]] std::int64_t oldest_received_time_ns() const noexcept;
  /// True where the oldest segment is the one being written.
  [[nodiscard]] bool oldest_is_active() const noexcept {
    return active_file_ != nullptr && active_is_kept_ && segments_.size() == 1;
  }
  /// True where nothing pending is bound for the active segment, so that it may be closed.
  [[nodiscard]] bool can_close_active() const noexcept { return group_.empty(); }
  void close_active() noexcept;
  /// Removes the oldest segment's file, which must not be active. Faults: storage_io.
  result<void> remove_oldest();

 private:
  void choose_target(std::int64_t received_time_ns);
  result<void> create_segment();
  result<void> write_group();
  result<void> sync_group();
  void publish();
  void abandon_segment();
  void restamp_group();

  const lane_context context_;
  const model::lane in_;
  const std::string directory_;
  std::deque<kept_segment> segments_;  // oldest first; the active one last once it is durable
  std::uint64_t kept_bytes_ = 0;

  bool group_has_retained_ = false;
  group_buffer group_;         // records since the last durable commit, as they will lie
  std::uint64_t written_ = 0;  // how much of it is written
  std::vector<pending_ticket> tickets_;
  std::size_t settled_ = 0;  // how many of them were handed out
  std::uint64_t next_ordinal_ = 1;
  std::uint64_t durable_ordinal_ = 0;
  std::uint64_t lsns_given_up_ = 0;

  // Where the group goes.
  std::unique_ptr<contract::file> active_file_;  // null: to be created
  bool active_is_kept_ = false;                  // it has durable records: it is segments_.back()
  std::string active_path_;
  std::uint64_t target_first_lsn_ = 0;
  std::uint64_t target_first_ordinal_ = 0;
  std::uint64_t target_seed_ = 0;
  std::uint64_t group_offset_ = 0;
  std::int64_t target_received_time_ns_ = 0;
};

}  // namespace fleetgate::spool
