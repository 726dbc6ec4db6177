// What systemd hears of the node: that it serves, that it lives, that it reloads, that it goes.
// sd_notify(3): one datagram a message to the socket that NOTIFY_SOCKET names; without one nobody
// is told anything. Owned by main, used on its thread; never blocks, and what systemd does not take
// is lost.
#pragma once

#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "actors/runtime/descriptor.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::node {

class service_manager {
 public:
  using milliseconds = std::chrono::milliseconds;

  /// What the process was started with: NOTIFY_SOCKET, and WATCHDOG_USEC, which counts where
  /// WATCHDOG_PID is not another process. Faults: resource_unavailable (a socket's name that is
  /// none, a time that is none; the detail says what to do).
  static result<service_manager> from_environment();

  /// Nobody to tell.
  service_manager() = default;

  /// Also where a reload has ended, whatever came of it.
  void ready();
  /// The configuration is being read again.
  void reloading();
  /// The time for this message is up; say it only where every unit answers.
  void alive();
  /// From here on the node drains, for at most so long.
  void stopping(milliseconds at_most);

  /// How often `alive` is to be said: half of what systemd waits; nothing where it does not wait.
  [[nodiscard]] std::optional<milliseconds> watchdog_interval() const noexcept { return interval_; }

 private:
  void tell(std::string_view message) const noexcept;

  runtime::descriptor socket_;
  sockaddr_un to_{};
  socklen_t to_bytes_ = 0;
  std::optional<milliseconds> interval_;
};

}  // namespace fleetgate::node
