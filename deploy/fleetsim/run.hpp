// Runs a plan from its first connection to its summary: log, limits, squads on their threads,
// signals, the live line. Blocking; on the process's main thread.
#pragma once

#include "deploy/fleetsim/exit_code.hpp"
#include "deploy/fleetsim/plan.hpp"

namespace fleetgate::fleetsim {

exit_code run(run_plan plan);

}  // namespace fleetgate::fleetsim
