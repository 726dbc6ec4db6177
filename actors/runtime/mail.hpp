// A bounded mailbox with its doorbell: what one actor posts and another reads.
#pragma once

#include <utility>

#include "actors/runtime/doorbell.hpp"
#include "actors/runtime/mailbox.hpp"

namespace fleetgate::runtime {

template <class T, class Lock = std::mutex>
class mail {
 public:
  explicit mail(mailbox_limits limits) : box_(limits) {}

  /// By the reader's owner, when the reader is spawned (again).
  void connect(caf::actor reader) { bell_.connect(std::move(reader)); }
  void disconnect() { bell_.disconnect(); }

  /// False: refused, `item` stays with the sender.
  [[nodiscard]] bool post(model::traffic_class cls, T& item, std::size_t bytes) {
    const offer_outcome o = box_.offer(cls, item, bytes);
    if (o.wake_reader) bell_.ring();
    return o.accepted;
  }

  /// By the reader: hands at most `most` items to `sink(traffic_class, T&&)`; rings for another
  /// turn where some are left.
  template <class Sink>
  std::size_t read(std::size_t most, Sink&& sink) {
    const std::size_t n = box_.drain(most, std::forward<Sink>(sink));
    if (!box_.sleep()) bell_.ring();
    return n;
  }

  /// By a reader that cannot take every lane now: hands it at most `most` items of one lane. It
  /// ends the turn with `doze` where all senders share its thread, else with `doze_since` and what
  /// `box().accepted()` was before it looked; what is left then waits for the next post, or for
  /// `wake_reader`.
  template <class Sink>
  void read_lane(model::traffic_class cls, std::size_t most, Sink&& sink) {
    box_.drain_lane(cls, most, std::forward<Sink>(sink));
  }
  void doze() { box_.doze(); }
  void doze_since(std::uint64_t accepted) {
    if (!box_.sleep_since(accepted)) bell_.ring();
  }
  /// What the reader left may be taken now.
  void wake_reader() { bell_.ring(); }

  [[nodiscard]] const mailbox<T, Lock>& box() const noexcept { return box_; }

 private:
  mailbox<T, Lock> box_;
  doorbell bell_;
};

}  // namespace fleetgate::runtime
