// One alarm of a pinned actor, on its unit's loop. Owned by the actor; goes with it.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <utility>

#include "actors/runtime/unit.hpp"

namespace fleetgate::runtime {

class timer {
 public:
  explicit timer(unit& home) : timer_(home.io()) {}

  /// Calls `then` on the unit's thread at `at_ns` (runtime::steady_now_ns); what was set before is
  /// off.
  template <class Call>
  void set(std::uint64_t at_ns, Call then) {
    timer_.expires_at(boost::asio::steady_timer::time_point(std::chrono::nanoseconds(at_ns)));
    timer_.async_wait([call = std::move(then)](const boost::system::error_code& error) mutable {
      if (!error) call();
    });
  }

  template <class Call>
  void set_after(std::chrono::nanoseconds wait, Call then) {
    timer_.expires_after(wait);
    timer_.async_wait([call = std::move(then)](const boost::system::error_code& error) mutable {
      if (!error) call();
    });
  }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace fleetgate::runtime
