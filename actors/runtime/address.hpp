// Where an actor is to be found now: those who write to it hold its address, not the actor, as it
// may end and have a successor. Any thread. Belongs to the node, which outlives all who use it.
#pragma once

#include <caf/actor.hpp>
#include <caf/send.hpp>
#include <mutex>
#include <utility>

namespace fleetgate::runtime {

class address {
 public:
  void connect(caf::actor who) {
    std::lock_guard hold(lock_);
    who_ = std::move(who);
  }
  void disconnect() { connect(nullptr); }

  /// Nobody, where nobody is connected.
  [[nodiscard]] caf::actor get() const {
    std::lock_guard hold(lock_);
    return who_;
  }

  /// Without waiting for an answer. Goes nowhere where nobody is connected, or has just ended.
  template <class... Message>
  void send(Message&&... message) const {
    std::lock_guard hold(lock_);
    if (who_) caf::anon_send(who_, std::forward<Message>(message)...);
  }

 private:
  mutable std::mutex lock_;
  caf::actor who_;
};

}  // namespace fleetgate::runtime
