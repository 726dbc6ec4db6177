#include "actors/contract/actor_report.hpp"

namespace fleetgate::contract {

std::string_view to_string(actor_state s) noexcept {
  switch (s) {
    case actor_state::running:
      return "running";
    case actor_state::unresponsive:
      return "unresponsive";
    case actor_state::restarting:
      return "restarting";
    case actor_state::given_up:
      return "given_up";
  }
  return {};
}

}  // namespace fleetgate::contract
