// The composition root: makes every part of one gateway, connects them, starts them in the order
// spool, sinks, listeners, and takes them down in the reverse. Owned by main, used on its thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/node/config.hpp"
#include "actors/node/exit_code.hpp"
#include "actors/node/reload_desk.hpp"
#include "actors/observe/log.hpp"
#include "tl/expected.hpp"

namespace fleetgate::node {

/// Why a node did not start: for people, and as a status.
struct start_failure {
  exit_code code = exit_code::internal_error;
  std::string text;
};

/// An address that the node serves.
struct served_address {
  std::string name;
  std::string protocol;  // "mqtt", "native", "http", "admin"
  std::string address;   // "127.0.0.1:1883"
};

/// How a drain went; also written to <data_dir>/shutdown.json.
struct drain_report {
  exit_code code = exit_code::ok;
  std::chrono::milliseconds took{0};
  std::uint64_t connections_closed = 0;
  bool connections_gone = false;
  bool spool_synced = false;
  std::vector<std::string> sinks_behind;  // names of sinks with something left in the spool
};

/// What somebody may ask over the admin API of whoever runs the node. Called on any thread, from
/// before `start` has returned; must return at once.
struct admin_wishes {
  std::function<void()> drain;
  std::function<void(contract::reload_reply)> reload;
};

class node {
 public:
  /// Serves devices when it returns. `recovered`: called when all that is on disk has been read,
  /// before anything is accepted.
  static tl::expected<std::unique_ptr<node>, start_failure> start(
      config settings, observe::logger& log, admin_wishes wishes,
      const std::function<void()>& recovered);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  [[nodiscard]] const std::vector<served_address>& serves() const noexcept;

  /// Every unit has answered lately, and nothing is broken that only a restart mends: /livez.
  [[nodiscard]] bool is_alive() const;

  /// Looks at the parts' counters and sets the health conditions; about once a second.
  void review_health();

  /// Applies what can be applied of a configuration that was read again, and says what it says
  /// otherwise than the one in force; a refused one changes nothing. Waits at most 2 s for shards.
  contract::reload_outcome reload(config_reading wanted);

  /// As configured now.
  [[nodiscard]] std::chrono::milliseconds drain_timeout() const noexcept;

  /// Stops accepting, sends devices away, settles, syncs, delivers; at most the configured time.
  drain_report drain();

 private:
  class parts;
  friend class fault_injection;  // tests/faulty: no part of the program
  explicit node(std::unique_ptr<parts> p);
  std::unique_ptr<parts> parts_;
};

}  // namespace fleetgate::node
