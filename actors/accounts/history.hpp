// How a start takes over the accounts of the run before it. Pure; used by the node, once.
#pragma once

#include "actors/accounts/page.hpp"

namespace fleetgate::accounts {

/// What a start has found.
struct found_spool {
  std::array<std::uint64_t, 2> uuid{};
  std::array<std::uint64_t, 2> boot{};  // of the machine
  std::uint64_t incarnation = 0;        // of this start
  contract::count_by_lane last{};       // each lane's last ordinal after the recovery
};

/// Accounts that begin here: of a new spool, or of one that had none.
contract::run_account begin(const found_spool& found);

/// The run before, added to those before it. What was received and had no end is interrupted; what
/// the lanes have less or more than they should is told apart by what was known to be durable.
/// After a restart of the machine the page may be older than the files: then what is in no account
/// is no contradiction.
contract::run_account go_on(const statement& before, const found_spool& found);

/// What a start has found, beside what was known before it.
struct start_findings {
  std::uint64_t interrupted = 0, unexplained = 0;
  std::uint64_t missing = 0, unwritten = 0;  // of all lanes
};
/// `now` is what `go_on` made of `before`; nothing where the accounts began anew.
std::optional<start_findings> findings(const contract::run_account& before,
                                       const contract::run_account& now);

/// Messages that were received and have no end, by how far they came.
struct in_flight {
  std::int64_t before_parser = 0;
  std::int64_t before_journal = 0;  // in batches
  std::int64_t before_spool = 0;
  [[nodiscard]] std::int64_t all() const noexcept {
    return before_parser + before_journal + before_spool;
  }
};
in_flight in_flight_of(const statement& s);

/// A statement's sums over shards and classes.
struct totals {
  std::uint64_t received = 0, shed = 0, sent_back = 0, posted = 0, batched = 0, taken = 0;
};
totals totals_of(const statement& s);

}  // namespace fleetgate::accounts
