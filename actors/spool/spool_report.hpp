// What the admin API shows of a spool, from its parts. Journal's thread. Costs a walk over the
// lanes.
#pragma once

#include "actors/contract/spool_report.hpp"
#include "actors/spool/spool.hpp"

namespace fleetgate::spool {

contract::spool_report report_of(const spool& s);

}  // namespace fleetgate::spool
