// A CAF actor that always runs on its unit: it overrides where CAF would schedule it, as CAF's own
// brokers do. What it sends and receives are plain CAF messages; bulk goes through mailbox.hpp.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>

#include "actors/runtime/unit.hpp"

namespace fleetgate::runtime {

class pinned_actor : public caf::event_based_actor {
 public:
  pinned_actor(caf::actor_config& config, unit& home);

  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* caller) override;
  void launch(caf::execution_unit* caller, bool lazy, bool hide) override;

  [[nodiscard]] unit& home() const noexcept { return home_; }

 private:
  unit& home_;
};

/// Spawns a pinned actor of type `Actor` on `home`; from any thread. The rest of `arguments` follow
/// (config, home) in its constructor.
template <class Actor, class... Arguments>
caf::actor spawn_pinned(unit& home, Arguments&&... arguments) {
  caf::actor_config config{&home};
  return home.system().spawn_class<Actor, caf::no_spawn_options>(
      config, home, std::forward<Arguments>(arguments)...);
}

}  // namespace fleetgate::runtime
