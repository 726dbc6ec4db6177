// Writes snapshots of windows and sessions into the state store, off the journal's thread.
// Detached: it blocks on the disk.
//   (wake_atom)            a snapshot has come; answered to dedup with (stored_atom, bool)
//   (progress_atom) -> bool  was one answered since the last time this was asked?
// Limit: one snapshot at a time.
#pragma once

#include <caf/event_based_actor.hpp>

#include "actors/contract/journal_mail.hpp"
#include "actors/contract/state_store.hpp"
#include "actors/observe/log.hpp"

namespace fleetgate::state {

using stored_atom = caf::atom_constant<caf::atom("stored")>;
using progress_atom = caf::atom_constant<caf::atom("progress")>;

class state_actor final : public caf::event_based_actor {
 public:
  state_actor(caf::actor_config& config, contract::state_store& store, contract::journal_mail& mail,
              caf::actor dedup, observe::logger& log);
  const char* name() const override { return "state"; }
  caf::behavior make_behavior() override;

 private:
  void apply(const contract::snapshot& s);

  contract::state_store& store_;
  contract::journal_mail& mail_;
  const caf::actor dedup_;
  observe::logger& log_;
  bool answered_ = false;  // a snapshot, since the last progress_atom
};

}  // namespace fleetgate::state
