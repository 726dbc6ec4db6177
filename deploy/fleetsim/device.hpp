// One simulated device: what it has measured, what of that it still owes, what is under way, and
// what a loss, a lost session or a reboot does to these. Pure: no clock, no socket. Owned by the
// fleet's thread that it belongs to. Its memory is its window and a range for each gap in what it
// owes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "deploy/fleetsim/range_set.hpp"
#include "deploy/fleetsim/window.hpp"

namespace fleetgate::fleetsim {

struct habits {
  std::uint16_t in_flight = 16;
  bool awaits_acknowledgements = true;  // false: QoS 0
  bool newest_first = false;            // of what it owes, the newest goes out first
};

/// Where a device begins, or goes on according to a log.
struct start_point {
  std::uint32_t boot = 1;
  std::uint64_t next_sequence = 1;
  range_set missing;  // below next_sequence, never acknowledged in this boot
};

/// A message that goes out. Identifier 0: nobody will acknowledge it.
struct outgoing {
  std::uint16_t id = 0;
  std::uint32_t boot = 0;
  std::uint64_t sequence = 0;
  bool again = false;
};

class device {
 public:
  device(const habits& h, start_point from);

  /// It measures `n` more; they are owed.
  void produce(std::uint64_t n);

  /// There is room for `n` more, or for as many as there ever is.
  [[nodiscard]] bool has_room(std::size_t n = 1) const noexcept {
    return !habits_.awaits_acknowledgements || window_.room() >= std::min(n, window_.most_room());
  }
  /// What was sent back goes first.
  [[nodiscard]] bool can_send() const noexcept {
    return !owed_.empty() && sent_back_ == 0 && has_room();
  }
  /// The message that goes out next; only where can_send(). `since_ns(produced)` says from where
  /// its latency counts: `produced` is how many it had measured before this one since this process
  /// began, nothing where an earlier process measured it.
  template <class SinceNs>
  outgoing send(std::uint64_t now_ns, SinceNs since_ns);

  /// The server has taken responsibility for what `id` stands for. Nothing where that answers
  /// nothing we wait for. It stays in the window until settle().
  [[nodiscard]] std::optional<window::slot> acknowledge(std::uint16_t id);
  /// The server has no room for it yet. False where that answers nothing we wait for.
  [[nodiscard]] bool send_back(std::uint16_t id);
  [[nodiscard]] bool has_sent_back() const noexcept { return sent_back_ > 0; }
  /// What was sent back goes out again, in its order, while `may_send()`.
  template <class MaySend, class Send>
  void send_again(std::uint64_t now_ns, MaySend may_send, Send send);
  /// It has been acknowledged and its exchange is not over.
  [[nodiscard]] bool is_acknowledged(std::uint16_t id) noexcept {
    return window_.find(id, window::phase::acknowledged) != nullptr;
  }
  /// The exchange is over; returns the slot as it was. Nothing where it was not acknowledged.
  std::optional<window::slot> settle(std::uint16_t id);

  /// What the session remembers goes out again, in its order; calls `send(outgoing)` for what is
  /// not acknowledged and `finish(id)` for what is.
  template <class Send, class Finish>
  void resume(std::uint64_t now_ns, Send send, Finish finish);
  /// The session is gone, and with it all identifiers: what was not acknowledged is owed anew.
  void forget_session();
  /// All in memory is gone: boot counts up, sequences begin at 1. Returns how many messages nobody
  /// will ever hear of; none of them was acknowledged.
  std::uint64_t reboot();

  void limit_in_flight(std::uint16_t most) noexcept { window_.limit(most); }

  [[nodiscard]] std::uint32_t boot() const noexcept { return boot_; }
  [[nodiscard]] std::uint64_t produced() const noexcept { return produced_; }
  [[nodiscard]] std::uint64_t owed() const noexcept { return owed_.count(); }
  [[nodiscard]] const window& under_way() const noexcept { return window_; }
  /// Nothing is owed and nothing is under way.
  [[nodiscard]] bool is_done() const noexcept { return owed_.empty() && window_.in_flight() == 0; }

 private:
  [[nodiscard]] std::optional<std::uint64_t> index_of(std::uint64_t sequence) const noexcept;

  habits habits_;
  std::uint32_t boot_;
  std::uint64_t next_sequence_;
  std::uint64_t first_own_;        // the first sequence of this boot that this process measured
  std::uint64_t first_index_ = 0;  // how many it had measured before that one
  std::uint64_t produced_ = 0;
  range_set owed_;
  window window_;
  std::size_t sent_back_ = 0;
};

template <class SinceNs>
outgoing device::send(std::uint64_t now_ns, SinceNs since_ns) {
  const std::uint64_t sequence = habits_.newest_first ? owed_.take_highest() : owed_.take_lowest();
  std::uint16_t id = 0;
  if (habits_.awaits_acknowledgements) {
    id = window_.open(sequence, since_ns(index_of(sequence)), now_ns);
  }
  return {id, boot_, sequence, false};
}

template <class Send, class Finish>
void device::resume(std::uint64_t now_ns, Send send, Finish finish) {
  for (const std::uint16_t id : window_.under_way()) {
    window::slot& s = window_.at(id);
    if (s.is == window::phase::acknowledged) {
      finish(id);
      continue;
    }
    s.is = window::phase::sent;
    s.sent_ns = now_ns;
    send(outgoing{id, boot_, s.sequence, true});
  }
  sent_back_ = 0;
}

template <class MaySend, class Send>
void device::send_again(std::uint64_t now_ns, MaySend may_send, Send send) {
  if (sent_back_ == 0) return;
  for (const std::uint16_t id : window_.under_way()) {
    window::slot& s = window_.at(id);
    if (s.is != window::phase::sent_back) continue;
    if (!may_send()) return;
    s.is = window::phase::sent;
    s.sent_ns = now_ns;
    --sent_back_;
    send(outgoing{id, boot_, s.sequence, true});
  }
}

}  // namespace fleetgate::fleetsim
