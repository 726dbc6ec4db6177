// All groups of verbs, in the order of the help. A new one is a file verb_*.cpp, a line here and
// one in verbs.cpp.
#pragma once

#include "actors/node/verb.hpp"

namespace fleetgate::node {

verb_group status_verb();
verb_group device_verbs();
verb_group command_verbs();
verb_group spool_verbs();
verb_group quarantine_verbs();
verb_group sink_verbs();
verb_group actors_verb();
verb_group tap_verb();
verb_group trace_verb();
verb_group explain_verb();
verb_group audit_verb();
verb_group reload_verb();
verb_group drain_verb();

const std::vector<verb_group>& verb_groups();

}  // namespace fleetgate::node
