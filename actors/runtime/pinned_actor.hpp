// A CAF actor that always runs on its unit: it overrides where CAF would schedule it, as CAF's own
// brokers do. What it sends and receives are plain CAF messages; bulk goes through mailbox.hpp.
#pragma once

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/intrusive_ptr.hpp>

#include "actors/runtime/unit.hpp"

namespace fleetgate::runtime {

class pinned_actor : public caf::event_based_actor {
 public:
  pinned_actor(caf::actor_config& config, unit& home);

  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* caller) override;
  void launch(caf::execution_unit* caller, bool lazy, bool hide) override;

  [[nodiscard]] unit& home() const noexcept { return home_; }

 private:
  unit& home_;
};

/// For caf::intrusive_ptr: counts where CAF counts, in the actor's control block.
inline void intrusive_ptr_add_ref(pinned_actor* a) {
  caf::intrusive_ptr_add_ref(a->ctrl());
}
inline void intrusive_ptr_release(pinned_actor* a) {
  caf::intrusive_ptr_release(a->ctrl());
}

/// Spawns a pinned actor of type `Actor` on `home`; from any thread. The rest of `arguments` follow
/// (config, home) in its constructor.
template <class Actor, class... Arguments>
caf::actor spawn_pinned(unit& home, Arguments&&... arguments) {
  caf::actor_config config{&home};
  return home.system().spawn_class<Actor, caf::no_spawn_options>(
      config, home, std::forward<Arguments>(arguments)...);
}

/// The same, for whoever calls its methods on the home thread: the actor itself.
template <class Actor, class... Arguments>
caf::intrusive_ptr<Actor> spawn_pinned_as(unit& home, Arguments&&... arguments) {
  const caf::actor handle = spawn_pinned<Actor>(home, std::forward<Arguments>(arguments)...);
  return caf::intrusive_ptr<Actor>(
      static_cast<Actor*>(caf::actor_cast<caf::abstract_actor*>(handle)));
}

}  // namespace fleetgate::runtime
