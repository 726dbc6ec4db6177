// Makes the devices of a fleet, new ones or as a log left them, and divides them among the squads.
// Pure but for the log that is read.
#pragma once

#include <optional>
#include <vector>

#include "deploy/fleetsim/ack_log_reader.hpp"
#include "deploy/fleetsim/member.hpp"
#include "deploy/fleetsim/plan.hpp"

namespace fleetgate::fleetsim {

/// How many of the plan's messages fall to the device at `place`; all of ~0 where there is no end.
std::uint64_t quota_of(const run_plan& plan, std::uint32_t place) noexcept;

/// Every `plan.threads`-th device, from `first_place` on. `past` may be null. The plan outlives
/// them.
std::vector<member> muster(const run_plan& plan, const resume_points* past,
                           std::uint32_t first_place);

}  // namespace fleetgate::fleetsim
