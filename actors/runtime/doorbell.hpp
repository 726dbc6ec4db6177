// How a sender wakes the actor that reads a bounded mailbox: with the one CAF message of the hot
// road. The doorbell belongs to the mailbox and outlives the actor; a successor is connected to it.
#pragma once

#include <atomic>
#include <caf/atom.hpp>
#include <utility>

#include "actors/runtime/address.hpp"

namespace fleetgate::runtime {

using wake_atom = caf::atom_constant<caf::atom("wake")>;

class doorbell {
 public:
  /// From now on `reader` is woken; at once too, since a wake-up may have gone to its predecessor.
  void connect(caf::actor reader) {
    reader_.connect(std::move(reader));
    ring();
  }
  void disconnect() { reader_.disconnect(); }
  void ring() { reader_.send(wake_atom::value); }

 private:
  address reader_;
};

/// "Something has changed": any number of `raise` before the reader's `lower` is one wake-up.
class signal {
 public:
  void connect(caf::actor reader) { bell_.connect(std::move(reader)); }
  void disconnect() { bell_.disconnect(); }
  void raise() {
    if (!raised_.exchange(true, std::memory_order_acq_rel)) bell_.ring();
  }
  /// By the reader, before it looks at what has changed.
  /// An exchange: with a plain store the look could come before it, and a `raise` between be lost.
  void lower() { raised_.exchange(false, std::memory_order_acq_rel); }

 private:
  std::atomic<bool> raised_{false};
  doorbell bell_;
};

}  // namespace fleetgate::runtime
