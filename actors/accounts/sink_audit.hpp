// Whether the account of a sink balances: what stands beside its cursor, the journal's account,
// what the spool's files hold behind the cursor, and the rows that its database really holds. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/accounts/audit.hpp"
#include "actors/contract/reader_account.hpp"

namespace fleetgate::accounts {

/// What was counted again behind a sink's cursor, of a lane's records up to the durable one.
struct behind_cursor {
  std::uint64_t removed = 0;  // with their segments; the sink has not met that yet
  std::uint64_t intact = 0;
  std::uint64_t damaged = 0;
  std::optional<std::uint64_t> ordinal;  // of the record at the cursor, where it is still there
};

struct sink_statement {
  std::string name;
  contract::reader_lanes lanes;
  std::array<behind_cursor, model::lane_count> behind{};
  // The whole database, which sinks may share.
  std::uint64_t rows = 0;
  std::uint64_t uncounted_rows = 0;
  std::uint64_t removed_rows = 0;
  std::uint64_t delivered = 0;  // by all of them
};

/// `s` was read after `sink`'s database was. Lanes in which the sink has not begun to count are
/// left out.
std::vector<equation> audit_sink(const statement& s, const sink_statement& sink);

}  // namespace fleetgate::accounts
