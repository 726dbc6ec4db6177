// A counted pointer to an actor, for those who call it on its own thread.
#pragma once

#include <caf/intrusive_ptr.hpp>

namespace fleetgate::runtime {

/// `Actor` is a pinned_actor. It lives as long as one of these, or anybody's handle, does.
template <class Actor>
using actor_ptr = caf::intrusive_ptr<Actor>;

}  // namespace fleetgate::runtime
