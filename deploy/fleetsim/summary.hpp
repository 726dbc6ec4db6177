// What a run came to: as a table, as JSON, and as an exit status. Pure.
#pragma once

#include <string>

#include "deploy/fleetsim/exit_code.hpp"
#include "deploy/fleetsim/plan.hpp"
#include "deploy/fleetsim/tally.hpp"

namespace fleetgate::fleetsim {

struct summary {
  tally counted;
  std::uint64_t connections = 0;
  std::uint64_t seed = 0;
  std::uint32_t first_boot = 1;
  bool awaits_acknowledgements = true;
  double connect_elapsed_s = 0;
  double elapsed_s = 0;  // from the start of the load to the last acknowledgement or QoS 0 sending
  double own_cpu_s = 0;
};

/// Not as asked: a device that was never connected, a message refused, under way or owed at the
/// end.
exit_code verdict(const summary& s) noexcept;
/// Ends with a line break.
std::string to_table(const summary& s);
/// One line without its break.
std::string to_json(const summary& s);

}  // namespace fleetgate::fleetsim
