#include "actors/node/verbs.hpp"

namespace fleetgate::node {

const std::vector<verb_group>& verb_groups() {
  static const std::vector<verb_group> groups{
      status_verb(), device_verbs(), command_verbs(), spool_verbs(), quarantine_verbs(),
      sink_verbs(),  actors_verb(),  tap_verb(),      trace_verb(),  explain_verb(),
      audit_verb(),  reload_verb(),  drain_verb()};
  return groups;
}

}  // namespace fleetgate::node
