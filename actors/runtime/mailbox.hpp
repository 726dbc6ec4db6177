// A bounded mailbox with lanes by traffic class, bounded in items and bytes. Many senders, one
// reader. What lies in it carries its own charge on the memory budget (memory_budget.hpp). The CAF
// mailbox behind it carries at most one wake-up: `offer` says when that is due.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "protocol/model/traffic_class.hpp"

namespace fleetgate::runtime {

/// For a mailbox whose senders and reader share one thread.
struct no_lock {
  void lock() noexcept {}
  void unlock() noexcept {}
};

struct mailbox_limits {
  std::size_t items = 0;  // per lane
  std::size_t bytes = 0;  // per lane; one item may exceed it in an empty lane
};

struct mailbox_depth {
  std::size_t items = 0;
  std::size_t bytes = 0;
};

struct offer_outcome {
  bool accepted = false;
  bool wake_reader = false;  // the reader sleeps and no wake-up is under way: send one
};

/// `T` is movable. What `offer` refuses stays with the sender.
template <class T, class Lock = std::mutex>
class mailbox {
 public:
  using traffic_class = model::traffic_class;

  explicit mailbox(mailbox_limits limits) noexcept : limits_(limits) {}
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;

  /// `item` is moved from only where it is accepted. `bytes` is what it keeps in memory.
  offer_outcome offer(traffic_class cls, T& item, std::size_t bytes) {
    std::lock_guard hold(lock_);
    lane& l = lanes_[model::index(cls)];
    if (!fits(l, bytes)) {
      ++refused_;
      return {false, false};
    }
    return {true, push(l, std::move(item), bytes)};
  }

  /// Hands at most `most` items to `sink(traffic_class, T&&)`, higher classes first; each lane that
  /// has items gets at least a sixteenth of `most`, so that low lanes never starve. Returns how
  /// many. The sink runs without the lock.
  template <class Sink>
  std::size_t drain(std::size_t most, Sink&& sink) {
    const auto quota = shares(most);
    std::size_t done = 0;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      for (std::size_t left = quota[i]; left != 0; --left, ++done) {
        sink(static_cast<traffic_class>(i), take_one(i));
      }
    }
    return done;
  }

  /// Hands at most `most` items of one lane to `sink(T&&)`.
  template <class Sink>
  void drain_lane(traffic_class cls, std::size_t most, Sink&& sink) {
    for (std::size_t left = std::min(most, depth(cls).items); left != 0; --left) {
      sink(take_one(model::index(cls)));
    }
  }

  /// The reader goes to sleep whatever is left: the next offer wakes it.
  void doze() {
    std::lock_guard hold(lock_);
    awake_ = false;
  }

  /// How many offers were accepted so far.
  [[nodiscard]] std::uint64_t accepted() const {
    std::lock_guard hold(lock_);
    return accepted_;
  }

  /// The reader goes to sleep with what it has left. False: something was accepted after it saw
  /// `accepted`, it must go on instead.
  [[nodiscard]] bool sleep_since(std::uint64_t accepted) {
    std::lock_guard hold(lock_);
    if (accepted_ != accepted) return false;
    awake_ = false;
    return true;
  }

  /// The reader says that it goes to sleep. False: there is more, it must go on instead.
  [[nodiscard]] bool sleep() {
    std::lock_guard hold(lock_);
    for (const lane& l : lanes_) {
      if (!l.items.empty()) return false;
    }
    awake_ = false;
    return true;
  }

  /// Whether an offer would be accepted now. Only meaningful where sender and reader share a
  /// thread.
  [[nodiscard]] bool has_room(traffic_class cls, std::size_t bytes) const {
    std::lock_guard hold(lock_);
    return fits(lanes_[model::index(cls)], bytes);
  }

  [[nodiscard]] mailbox_depth depth(traffic_class cls) const {
    std::lock_guard hold(lock_);
    const lane& l = lanes_[model::index(cls)];
    return {l.items.size(), l.bytes};
  }
  /// Of all lanes.
  [[nodiscard]] std::size_t bytes() const {
    std::lock_guard hold(lock_);
    std::size_t sum = 0;
    for (const lane& l : lanes_) sum += l.bytes;
    return sum;
  }
  [[nodiscard]] const mailbox_limits& limits() const noexcept { return limits_; }
  /// How many offers were refused so far.
  [[nodiscard]] std::uint64_t refused() const {
    std::lock_guard hold(lock_);
    return refused_;
  }

 private:
  struct entry {
    T item;
    std::size_t bytes;
  };
  struct lane {
    std::deque<entry> items;
    std::size_t bytes = 0;
  };
  using quotas = std::array<std::size_t, model::traffic_class_count>;

  [[nodiscard]] bool fits(const lane& l, std::size_t bytes) const noexcept {
    return l.items.empty() || (l.items.size() < limits_.items && l.bytes + bytes <= limits_.bytes);
  }
  bool push(lane& l, T&& item, std::size_t bytes) {
    l.items.push_back({std::move(item), bytes});
    l.bytes += bytes;
    ++accepted_;
    return !std::exchange(awake_, true);
  }
  T pop(lane& l) {
    entry e = std::move(l.items.front());
    l.items.pop_front();
    l.bytes -= e.bytes;
    return std::move(e.item);
  }
  T take_one(std::size_t lane_index) {
    std::lock_guard hold(lock_);
    return pop(lanes_[lane_index]);
  }
  quotas shares(std::size_t most) const {
    std::lock_guard hold(lock_);
    quotas quota{};
    const std::size_t least = most / 16 + 1;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      quota[i] = std::min({least, lanes_[i].items.size(), most});
      most -= quota[i];
    }
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const std::size_t more = std::min(most, lanes_[i].items.size() - quota[i]);
      quota[i] += more;
      most -= more;
    }
    return quota;
  }

  const mailbox_limits limits_;
  mutable Lock lock_;
  std::array<lane, model::traffic_class_count> lanes_;
  bool awake_ = false;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace fleetgate::runtime
