// What the admin API shows of a spool, from its parts, and what the journal's account says of it.
// Journal's thread. Costs a walk over the lanes.
#pragma once

#include "actors/contract/accounts.hpp"
#include "actors/contract/spool_report.hpp"
#include "actors/spool/spool.hpp"

namespace fleetgate::spool {

contract::spool_report report_of(const spool& s);

/// Brings up to date what is the spool's in the journal's account; false where nothing is new.
bool account_of(const spool& s, contract::journal_account& account);

}  // namespace fleetgate::spool
