// What an actor knows and does, apart from the CAF actor that runs it: the runner is its mailbox,
// its thread and its life. The body belongs to the node and outlives the runner: where that ends, a
// successor runs the same body, reads the same bounded mailboxes, and goes on where it was. Thread:
// the runner's. Limit: what a body holds is its own matter.
#pragma once

#include <atomic>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "actors/runtime/pinned_actor.hpp"
#include "protocol/base/fault.hpp"

namespace fleetgate::runtime {

class actor_body {
 public:
  actor_body() = default;
  virtual ~actor_body() = default;
  actor_body(const actor_body&) = delete;
  actor_body& operator=(const actor_body&) = delete;

  [[nodiscard]] virtual const char* name() const = 0;

  /// By each new runner before its first message. Answers and delayed wake-ups that its predecessor
  /// waited for never come.
  caf::behavior run_by(caf::event_based_actor& runner) {
    runner_ = &runner;
    return make_behavior();
  }

  /// By a runner with a thread of its own, on it, when it ends: who was promised an answer gets
  /// one.
  virtual void ended() {}

  /// Written by a runner with a thread of its own, which leaves its last turn after whoever waited
  /// for its end has gone on: so it is not the body's alone.
  using busy_since = std::shared_ptr<std::atomic<std::uint64_t>>;
  [[nodiscard]] const busy_since& busy() const noexcept { return busy_since_ns_; }
  /// Any thread may look; 0: it waits for messages.
  [[nodiscard]] std::uint64_t busy_since_ns() const noexcept {
    return busy_since_ns_->load(std::memory_order_relaxed);
  }

 protected:
  virtual caf::behavior make_behavior() = 0;
  [[nodiscard]] caf::event_based_actor* self() const noexcept { return runner_; }

 private:
  caf::event_based_actor* runner_ = nullptr;
  const busy_since busy_since_ns_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

/// Runs `body` on its unit. What it throws ends the process: see pinned_actor.
caf::actor run_pinned(unit& home, actor_body& body);

/// Runs `body` on a thread of its own. What it throws ends this runner,
/// with the fault as its reason. Throws std::system_error where the system refuses the thread.
caf::actor run_detached(caf::actor_system& system, actor_body& body);

/// Why an actor ended, as CAF carries it, and back; nothing: it ended as it was told to.
caf::error to_error(const fault& why);
std::optional<fault> fault_of(const caf::error& reason);

}  // namespace fleetgate::runtime
