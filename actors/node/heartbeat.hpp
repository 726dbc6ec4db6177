// Tells the node's health once a second that a unit still answers. Lives on the unit's io_context;
// the node owns it.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "actors/admin/health.hpp"
#include "actors/runtime/unit.hpp"

namespace fleetgate::node {

class heartbeat {
 public:
  /// Begins to beat when `of` runs.
  heartbeat(runtime::unit& of, admin::health& health)
      : unit_(of), health_(health), timer_(of.io()) {
    beat();
  }

 private:
  void beat() {
    health_.beat(unit_.name(), admin::health::time_point::clock::now());
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) beat();
    });
  }

  runtime::unit& unit_;
  admin::health& health_;
  boost::asio::steady_timer timer_;
};

}  // namespace fleetgate::node
