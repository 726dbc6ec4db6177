#include "actors/runtime/pinned_actor.hpp"

#include <caf/detail/sync_request_bouncer.hpp>
#include <caf/intrusive/inbox_result.hpp>
#include <exception>

namespace fleetgate::runtime {

pinned_actor::pinned_actor(caf::actor_config& config, unit& home)
    : caf::event_based_actor(config), home_(home) {
  // CAF would end the actor alone: without its journal, say, a node would look alive and never
  // acknowledge again. Nothing here throws for what can be handled, so the process ends and starts
  // anew from its disk.
  set_exception_handler(
      [](std::exception_ptr& e) noexcept -> caf::error { std::rethrow_exception(e); });
}

void pinned_actor::enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) {
  const auto id = message->mid;
  const auto asker = message->sender;
  switch (mailbox().push_back(std::move(message))) {
    case caf::intrusive::inbox_result::unblocked_reader:
      caf::intrusive_ptr_add_ref(ctrl());
      home_.exec_later(this);
      break;
    case caf::intrusive::inbox_result::queue_closed:
      if (id.is_request()) caf::detail::sync_request_bouncer{fail_state()}(asker, id);
      break;
    case caf::intrusive::inbox_result::success:
      break;
  }
}

void pinned_actor::launch(caf::execution_unit*, bool lazy, bool hide) {
  if (!hide) register_at_system();
  if (lazy && mailbox().try_block()) return;
  caf::intrusive_ptr_add_ref(ctrl());
  home_.exec_later(this);
}

}  // namespace fleetgate::runtime
