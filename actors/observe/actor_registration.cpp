// The metric families of supervision.
#include "actors/observe/actor_probe.hpp"
#include "actors/observe/probe_registration.hpp"
#include "actors/observe/stage_families.hpp"

namespace fleetgate::observe {

void register_probe(registry& to, std::string_view actor, const actor_probe& p) {
  to.add(counts("fleetgate_actor_restarts_total",
                "Times that an actor ended and was started again.", {"actor"}),
         {actor}, p.restarts);
  to.add(level("fleetgate_actor_up", "1 where an actor runs and answers, else 0.", {"actor"}),
         {actor}, [&p] { return p.ended.value() == 0 && p.unresponsive.value() == 0 ? 1.0 : 0.0; });
}

}  // namespace fleetgate::observe
