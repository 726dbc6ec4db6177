// Who wants the configuration read again, and who hears what became of it. However many ask, one
// reading runs and one more waits: whoever asks during a reading is answered by the next, as the
// file may have changed since. Owned by main; `ask` and `close` from any thread, the rest on
// main's. Limit: most_waiting answers; those who want none are not counted.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include <tl/expected.hpp>

#include "actors/contract/reload_report.hpp"
#include "actors/node/config.hpp"

namespace fleetgate::node {

/// A configuration that is valid as a whole, or why there is none.
using config_reading = tl::expected<config, contract::reload_refusal>;

class reload_desk {
 public:
  static constexpr std::size_t most_waiting = 8;

  struct ways {
    /// Runs something on main's thread, soon.
    std::function<void(std::function<void()>)> to_main;
    /// Begins a reading elsewhere, which calls back once. Both on main's thread, as the next.
    std::function<void(std::function<void(config_reading)>)> read;
    /// Applies what was read.
    std::function<contract::reload_outcome(config_reading)> take_over;
  };

  explicit reload_desk(ways w) : ways_(std::move(w)) {}

  /// `then` may be null. Refused at once: server_busy, server_shutting_down.
  void ask(contract::reload_reply then);

  /// Whoever waits hears server_shutting_down, and nothing is taken over any more. True where a
  /// reading was under way.
  bool close();

 private:
  using replies = std::vector<contract::reload_reply>;

  void begin();
  void finish(config_reading got);

  const ways ways_;
  std::mutex lock_;
  replies waiting_;        // for the next reading
  replies answered_next_;  // by the reading that is under way
  bool wanted_ = false;    // a reading, after this one
  bool reading_ = false;
  bool closed_ = false;
};

}  // namespace fleetgate::node
