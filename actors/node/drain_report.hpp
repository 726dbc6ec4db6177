// How a drain is told to the machine that ordered it: one JSON file and one log event.
#pragma once

#include <string>

#include "actors/node/config.hpp"
#include "actors/node/node.hpp"
#include "actors/observe/log.hpp"

namespace fleetgate::node {

/// {"exit_code":0,"status":"drained",...}; docs/reference/admin.md lists the members.
std::string to_json(const drain_report& report);

/// Writes <data_dir>/shutdown.json (replacing it as a whole) and the event drain.finished.
void write_drain_report(const drain_report& report, const std::string& data_dir,
                        observe::logger& log);

observe::log_options log_options_of(const log_config& c);

}  // namespace fleetgate::node
