// What is wrong with a config whose values are each right for themselves: names used twice, ports
// taken twice, budgets that cannot hold what they must. Of the disk it only sees where links lead.
#pragma once

#include "actors/node/config_build.hpp"

namespace fleetgate::node {

config_errors check_whole_config(const config& c, const config_places& places);

}  // namespace fleetgate::node
