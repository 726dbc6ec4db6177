// What was given to the spool and is not settled, and who waits for it. Found by ticket (tickets
// are consecutive: a ring), by place, or by (window, epoch, sequence). Owned by the dedup brain;
// journal's thread. Limit: the brain asks size() before it adds; the ring stays within 8x of that.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "actors/dedup/window.hpp"
#include "protocol/model/receipt.hpp"

namespace fleetgate::dedup {

class session;
struct quarantine_entry;

inline constexpr std::uint32_t no_slot = 0xFFFFFFFF;

/// One envelope that waits for a settlement: where its receipt goes, and what its session holds.
struct waiter {
  model::receipt answer;  // `result` and `fault` are filled in when it is sent
  session* of = nullptr;  // where a packet id is noted, or nullptr
  bool owed = false;      // false: has its receipt already
};

struct pending {
  std::uint64_t ticket = 0;           // 0: found in the spool after a restart
  std::uint64_t floor_lsn = 0;        // its lsn is above this
  std::uint64_t own_lsn = 0;          // only where ticket == 0
  std::uint32_t own_incarnation = 0;  // only where ticket == 0
  model::record_kind kind = model::record_kind::message;
  bool promised = false;   // level durable or committed
  bool committed = false;  // a message of level committed
  bool counted = false;    // its one receipt `stored` was sent (level received)
  waiter first;

  window* where = nullptr;  // message with a sequence that has a window
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t payload_hash = 0;
  model::epoch_origin epoch_from = model::epoch_origin::none;
  std::uint32_t redelivery = 0;  // place in the session's redelivery window
  bool has_redelivery = false;
  quarantine_entry* bad = nullptr;  // kind quarantined
  fault_code fault = fault_code::internal;
};

class pending_table {
 public:
  /// Gives the next ticket and returns the entry's place, valid until it is removed.
  std::uint32_t add(const pending& entry);
  /// The same without a ticket, for what was found in the spool.
  std::uint32_t add_recovered(const pending& entry);
  /// Makes the entry findable by its key in `where`, which stays in memory until it is removed.
  void index(std::uint32_t slot, window& where);
  [[nodiscard]] pending& at(std::uint32_t slot) noexcept { return nodes_[slot].entry; }
  [[nodiscard]] const pending& at(std::uint32_t slot) const noexcept { return nodes_[slot].entry; }
  [[nodiscard]] std::uint32_t find_ticket(std::uint64_t ticket) const noexcept;
  /// A pending message with this key, one with a promise if `promised`; no_slot: none.
  [[nodiscard]] std::uint32_t find(const window* where, std::uint64_t epoch, std::uint64_t sequence,
                                   bool promised) const noexcept;
  void remove(std::uint32_t slot);

  /// Other envelopes that wait for the entry at `slot`, oldest first.
  std::vector<waiter>& waiters_to_change(std::uint32_t slot) { return waiters_[slot]; }
  [[nodiscard]] std::vector<waiter> take_waiters(std::uint32_t slot);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t ring_size() const noexcept { return ring_.size(); }
  /// floor_lsn of the oldest entry with a ticket; nothing where there is none.
  [[nodiscard]] std::optional<std::uint64_t> oldest_floor() const noexcept;

 private:
  struct node {
    pending entry;
    std::uint64_t hash = 0;
    std::uint32_t next = no_slot;      // in its bucket, or in the free list
    std::uint32_t previous = no_slot;  // in its bucket
  };

  static std::uint64_t hash_of(const window* where, std::uint64_t epoch,
                               std::uint64_t sequence) noexcept;
  void place_ticket(std::uint32_t slot);
  void make_room_in_ring();
  void pop_settled() noexcept;
  void link(std::uint32_t slot) noexcept;
  void unlink(std::uint32_t slot) noexcept;
  void grow_buckets();

  std::vector<node> nodes_;
  std::uint32_t free_ = no_slot;
  std::size_t size_ = 0;
  std::vector<std::uint32_t> buckets_;  // heads of chains; size is a power of two
  std::vector<std::uint32_t> ring_;     // ticket -> slot; size is a power of two
  std::uint64_t base_ticket_ = 1;       // oldest ticket in the ring
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, std::uint32_t> late_;  // tickets older than the ring (level committed)
  std::map<std::uint32_t, std::vector<waiter>> waiters_;
};

}  // namespace fleetgate::dedup
