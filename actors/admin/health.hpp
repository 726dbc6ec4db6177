// What the node knows of its own health: named conditions and heartbeats, set by any thread, read
// by the admin thread. One mutex, touched a few times a second. A node starts as not ready. Limit:
// one entry a name; names come from the program, never from outside.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace fleetgate::admin {

enum class health_state : std::uint8_t {
  good,
  degraded,  // shown, but devices may come: one sink's outage
  unready,   // send devices elsewhere: starting, draining, spool full
  dead,      // will not get well by itself: restart
};

std::string_view to_string(health_state s) noexcept;

struct health_entry {
  std::string name;
  health_state state = health_state::good;
  std::string reason;
};

struct health_report {
  bool passed = false;
  std::vector<health_entry> failing;  // why it did not pass
  std::vector<health_entry> all;      // by name
};

class health {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds heartbeat_limit{10};

  /// With the condition "startup" unready.
  health();

  /// Sets the named condition; the names in use: startup, drain, spool, state,
  /// windows, overload, accounts, recorder, sink.<name>, actor.<name>.
  void set(std::string_view name, health_state state, std::string_view reason = {});
  void startup_finished() { set("startup", health_state::good); }
  void draining(std::string_view reason) { set("drain", health_state::unready, reason); }

  /// The unit `name` is alive at `now`. From its first beat on it is expected to beat.
  void beat(std::string_view name, time_point now);
  /// The unit has ended as it should; no beats are expected any more.
  void forget(std::string_view name);

  /// Route devices to me? Fails on any condition that is unready or dead.
  [[nodiscard]] health_report ready() const;
  /// Restart me? Fails on a dead condition, and on a heartbeat older than the limit.
  [[nodiscard]] health_report live(time_point now) const;

 private:
  struct condition {
    health_state state = health_state::good;
    std::string reason;
  };

  mutable std::mutex mutex_;
  std::map<std::string, condition, std::less<>> conditions_;
  std::map<std::string, time_point, std::less<>> beats_;
};

}  // namespace fleetgate::admin
