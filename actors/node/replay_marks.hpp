// Which quarantined messages were replayed, so that none is twice unless somebody says so. In the
// state store, table quarantine_replays (docs/wire/state.md). Any thread, blocking. Limit: one row
// a quarantined message that is still there.
#pragma once

#include <optional>
#include <vector>

#include "actors/contract/quarantine_replay.hpp"
#include "actors/contract/state_store.hpp"

namespace fleetgate::node {

class replay_marks {
 public:
  /// `store` must outlive this.
  explicit replay_marks(contract::state_store& store) noexcept : store_(store) {}

  /// Nothing: it was not replayed.
  result<std::optional<contract::replay_mark>> of(const model::position& at);
  /// Before they are sent: should the node end meanwhile, they are `unknown`.
  result<void> begin(const std::vector<model::position>& all, std::int64_t now_ns);
  /// Done where a message has passed; as before its replay where it has not.
  result<void> finish(const std::vector<contract::replayed_message>& all, std::int64_t now_ns);
  /// Forgets those of messages that quarantine has no more.
  result<void> prune(const model::position& oldest);

 private:
  contract::state_store& store_;
};

}  // namespace fleetgate::node
