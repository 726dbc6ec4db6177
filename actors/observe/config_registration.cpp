// The metric families of the configuration.
#include "actors/observe/config_probe.hpp"
#include "actors/observe/probe_registration.hpp"
#include "actors/observe/stage_families.hpp"

namespace fleetgate::observe {

void register_probe(registry& to, const config_probe& p) {
  const auto reloads =
      counts("fleetgate_config_reloads_total",
             "Times the configuration was read again, and whether it was taken.", {"result"});
  to.add(reloads, {"taken"}, p.reloads[reload_result::taken]);
  to.add(reloads, {"refused"}, p.reloads[reload_result::refused]);
  to.add(level("fleetgate_config_last_reload_successful",
               "0 where the last reload was refused and the configuration in force stayed."),
         {}, p.last_taken);
  to.add(level("fleetgate_config_last_reload_success_timestamp_seconds",
               "When the configuration was last taken, at start or by a reload, Unix time."),
         {}, p.taken_time_s);
  to.add(level("fleetgate_config_restart_needed_keys",
               "Keys that are written otherwise than the node runs with, until it is restarted."),
         {}, p.keys_need_a_restart);
}

}  // namespace fleetgate::observe
