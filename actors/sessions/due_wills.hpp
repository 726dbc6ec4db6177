// Wills that are due, until the spool has them: till then each is a row, so that neither a full
// spool nor the end of the node loses one. Pure. Owned by the sessions brain; its thread.
// Limit: number and bytes, beyond which its owner takes no more events.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "actors/observe/probes.hpp"
#include "actors/sessions/effects.hpp"
#include "actors/sessions/limits.hpp"
#include "protocol/base/bytes.hpp"

namespace fleetgate::sessions {

class due_wills {
 public:
  due_wills(const sessions_limits& limits, effects& out, observe::sessions_probe& probe) noexcept
      : limits_(limits), out_(out), probe_(probe) {}

  void publish(std::string client_id, std::shared_ptr<const contract::will> what);
  /// Start-up: one row, published again. False where it is damaged.
  bool restore(std::string_view key, byte_view row);
  /// One that found no room is sent again after a wait.
  void settle(const contract::will_settled& s, std::uint64_t steady_ns);

  /// Sends those again whose wait is over.
  void on_time(std::uint64_t steady_ns);
  /// When on_time has something to do; steady.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ns() const;

  [[nodiscard]] bool full() const noexcept {
    return all_.size() >= limits_.due_wills || bytes_ >= limits_.due_will_bytes;
  }

 private:
  struct entry {
    contract::due_will will;
    std::uint64_t wait_ns = 0;  // before it is sent again
  };
  void send(const contract::due_will& will);

  const sessions_limits& limits_;
  effects& out_;
  observe::sessions_probe& probe_;
  std::map<std::uint64_t, entry> all_;                       // by number
  std::set<std::pair<std::uint64_t, std::uint64_t>> waits_;  // until when, number
  std::size_t bytes_ = 0;
  std::uint64_t last_number_ = 0;
};

}  // namespace fleetgate::sessions
