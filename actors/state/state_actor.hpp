// Writes snapshots of windows and sessions into the state store, off the journal's thread.
// Detached: it blocks on the disk.
//   (wake_atom)            a snapshot has come; answered to dedup with (stored_atom, number, bool)
//   (progress_atom) -> bool  was one answered since the last time this was asked?
// Limit: one snapshot at a time.
#pragma once

#include "actors/contract/journal_mail.hpp"
#include "actors/contract/state_store.hpp"
#include "actors/observe/log.hpp"
#include "actors/runtime/actor_body.hpp"
#include "actors/runtime/address.hpp"

namespace fleetgate::state {

using stored_atom = caf::atom_constant<caf::atom("stored")>;
using progress_atom = caf::atom_constant<caf::atom("progress")>;

class state_actor final : public runtime::actor_body {
 public:
  state_actor(contract::state_store& store, contract::journal_mail& mail,
              const runtime::address& dedup, observe::logger& log);
  const char* name() const override { return "state"; }

 private:
  caf::behavior make_behavior() override;
  void apply(const contract::snapshot& s);

  contract::state_store& store_;
  contract::journal_mail& mail_;
  const runtime::address& dedup_;
  observe::logger& log_;
  bool answered_ = false;  // a snapshot, since the last progress_atom
};

}  // namespace fleetgate::state
