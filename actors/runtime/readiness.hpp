// Which of many sockets have become readable or writable, learnt for a whole round at once: an
// epoll set of its own inside the unit's loop. Edge-triggered: a socket is added once, and waiting
// for it again costs nothing, where Asio makes a system call of each wait. One unit's thread.
// Limit: the sockets added; a closed one leaves by itself.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

#include "actors/runtime/unit.hpp"

namespace fleetgate::runtime {

class readiness {
 public:
  struct event {
    void* who = nullptr;  // as added
    bool readable =
        false;  // there is something that was not there before; read until it is used up
    bool writable = false;
    bool at_end = false;  // the peer sends no more: what is there can be read, then the end
    bool gone = false;    // nothing can be sent any more either: reset, or closed on both sides
  };

  /// Throws std::system_error where the system has no more descriptors, as io_context does.
  explicit readiness(unit& home);

  /// `call` gets each event in the round in which it was found. Set before the first `add`.
  void on_event(std::function<void(const event&)> call) { call_ = std::move(call); }

  /// False where the system has no room for it (errno says which). What is there already is an
  /// event too.
  [[nodiscard]] bool add(int socket, void* who) noexcept;

  /// To be called once in each round, when its events are done with: the next round has the next.
  void look_further();

 private:
  void collect();

  unit& home_;
  boost::asio::posix::stream_descriptor set_;
  std::function<void(const event&)> call_;
  bool looks_ = false;  // a wait is under way
};

}  // namespace fleetgate::runtime
