#include "actors/state/state_actor.hpp"

#include <caf/behavior.hpp>
#include <exception>
#include <utility>

namespace fleetgate::state {

state_actor::state_actor(contract::state_store& store, contract::journal_mail& mail,
                         const runtime::address& dedup, observe::logger& log)
    : store_(store), mail_(mail), dedup_(dedup), log_(log) {}

caf::behavior state_actor::make_behavior() {
  return {
      [this](runtime::wake_atom) {
        mail_.snapshots.read(1, [this](auto, const contract::snapshot& s) { apply(s); });
      },
      [this](progress_atom) { return std::exchange(answered_, false); },
  };
}

namespace {

/// What is thrown is a failed write too: dedup waits for an answer.
result<void> apply_to(contract::state_store& store, const contract::snapshot& s) {
  try {
    return store.apply(s.changes);
  } catch (const std::exception& e) {
    return failure(fault_code::internal, e.what());
  }
}

}  // namespace

void state_actor::apply(const contract::snapshot& s) {
  const auto applied = apply_to(store_, s);
  if (!applied) log_.error("state.write_failed", {{"reason", to_string(applied.error())}});
  dedup_.send(stored_atom::value, s.number, applied.has_value());
  answered_ = true;
}

}  // namespace fleetgate::state
