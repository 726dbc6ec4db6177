// The metric families of the commands stage.
#include "actors/observe/probe_registration.hpp"
#include "actors/observe/stage_families.hpp"

namespace fleetgate::observe {

void register_probe(registry& to, const commands_probe& p) {
  constexpr std::array<std::string_view, 4> states{"queued", "sent", "acknowledged", "expired"};
  for (std::size_t i = 0; i < states.size(); ++i) {
    to.add(level("fleetgate_commands", "Commands to devices that the ledger holds.", {"state"}),
           {states[i]}, p.commands[i]);
  }
  to.add(level("fleetgate_commands_bytes", "Bytes of commands that the ledger holds."), {},
         p.bytes);
  to.add(level("fleetgate_commands_bytes_limit", "How many there may be."), {}, p.bytes_limit);
  to.add(counts("fleetgate_commands_accepted_total", "Commands taken into the ledger."), {},
         p.accepted);
  add_reasons(to,
              counts("fleetgate_commands_refused_total",
                     "Commands asked for and not taken into the ledger.", {"reason"}),
              {fault_class::overload}, p.refused);
  to.add(counts("fleetgate_command_deliveries_total",
                "Commands sent to a device; one that is sent again counts again."),
         {}, p.deliveries);
}

}  // namespace fleetgate::observe
