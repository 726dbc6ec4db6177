// The gateway's SQLite table (docs/reference/sqlite.md), read from its first row to its last in one
// statement. Blocking; one thread; read only, also while the gateway writes. One row in memory.
#pragma once

#include <functional>
#include <string>

#include "deploy/fleetsim/comparison.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::fleetsim {

/// Calls `visit` for each row, in the order of its id; what it is given lives until it returns.
/// Faults: not_found, storage_io, config_invalid where there is no such table.
result<void> read_message_table(const std::string& path,
                                const std::function<void(const table_row&)>& visit);

}  // namespace fleetgate::fleetsim
