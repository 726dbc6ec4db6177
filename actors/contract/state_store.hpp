// Small durable facts of this node that are not messages: snapshots of windows and sessions,
// counters. A table of (table name, key) -> value. Blocking: never called on a shard; on the
// journal's thread only at start-up and to look up a cold window.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/bytes.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::contract {

struct state_change {
  std::string table;
  std::string key;
  std::optional<std::string> value;  // nothing: remove
};

class state_store {
 public:
  virtual ~state_store() = default;

  /// All of `changes` or none, on disk when it returns. Faults: storage_io, storage_full.
  virtual result<void> apply(const std::vector<state_change>& changes) = 0;
  virtual result<std::optional<std::string>> get(std::string_view table, std::string_view key) = 0;
  /// Calls `visit(key, value)` for each entry of `table`, in key order.
  virtual result<void> scan(
      std::string_view table,
      const std::function<void(std::string_view, std::string_view)>& visit) = 0;
};

}  // namespace fleetgate::contract
