// The socket of a tap: blocking, one thread, for the command line only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "actors/node/tap_session.hpp"

namespace fleetgate::node {

struct tap_target {
  std::string host;
  std::string port;
};

struct tap_ending {
  bool connected = false;  // it had begun to look
  std::string why;
};

/// Looks until `wants_more` is false or `until` has passed: nothing; else why it could not go on.
/// `after_each` is called after what was there has been shown.
std::optional<tap_ending> tap(const tap_target& to, tap_session& session,
                              std::optional<std::chrono::steady_clock::time_point> until,
                              const tap_session::on_message& show,
                              const std::function<bool()>& wants_more,
                              const std::function<void()>& after_each);

}  // namespace fleetgate::node
