// What one configuration says otherwise than another, key by key, and which of it a node takes over
// while it runs. Pure; used by node_reload.cpp on main's thread. Values are shown as `config show`
// does, so what that hides stays hidden here too. Limit: as many changes as both have keys.
#pragma once

#include <vector>

#include "actors/contract/reload_report.hpp"
#include "actors/node/config.hpp"

namespace fleetgate::node {

/// In the order of the reference. Entries of a list are known by their first key, so that a new one
/// does not shift the others: "listener[mqtt].bind"; a whole entry comes or goes as "sink[fleet]".
/// Where the order of a list decides something, "device" tells of it.
std::vector<contract::config_change> changes_between(const config& running, const config& wanted);

/// `running`, with what `wanted` says of the keys that a reload applies.
config with_live_keys(config running, const config& wanted);

}  // namespace fleetgate::node
