// The command `verify`: log and table in, report and exit status out. Blocking.
#pragma once

#include <string>

#include "deploy/fleetsim/comparison.hpp"
#include "deploy/fleetsim/exit_code.hpp"

namespace fleetgate::fleetsim {

struct verify_plan {
  std::string ack_log;
  std::string database;
  bool json = false;
};

exit_code verify(const verify_plan& plan);

/// Ends with a line break.
std::string to_table(const findings& f);
/// One line without its break.
std::string to_json(const findings& f);

}  // namespace fleetgate::fleetsim
