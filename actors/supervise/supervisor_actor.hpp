// Watches some of the node's actors, and has successors made of those that end: supervision
// decides. Runs on CAF's own scheduler and never blocks.
//   (report_atom) -> supervisor_report
//   (restart_atom, number)   the wait of an actor's successor is over
// Where it gives up it ends itself with the fault of the actor that it gave up with. Limit:
// restart_policy.
#pragma once

#include <caf/event_based_actor.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/actor_report.hpp"
#include "actors/observe/actor_probe.hpp"
#include "actors/observe/log.hpp"
#include "actors/observe/trace_writer.hpp"
#include "actors/supervise/supervision.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::contract::supervisor_report)

namespace fleetgate::supervise {

using report_atom = caf::atom_constant<caf::atom("report")>;
using restart_atom = caf::atom_constant<caf::atom("restart")>;

/// One actor that is watched.
struct watched_actor {
  std::string name;
  caf::actor running;
  std::function<caf::actor()> make_successor;  // nothing: it is a supervisor itself
  observe::actor_probe* probe = nullptr;       // nothing: as above
};

class supervisor_actor final : public caf::event_based_actor {
 public:
  /// `seed`: of the jitter. `give_up`: called when an actor has ended too often; nothing: this one
  /// ends, and its own supervisor hears of it. `trace`: shared by the supervisors of a node, which
  /// run on one thread.
  supervisor_actor(caf::actor_config& config, std::string name, std::vector<watched_actor> watched,
                   std::uint64_t seed, std::function<void(const fault&)> give_up,
                   observe::trace_writer& trace, observe::logger& log);
  const char* name() const override { return "supervisor"; }
  caf::behavior make_behavior() override;
  /// A wait that is still to end keeps this actor; it must not keep those that it watched.
  void on_exit() override { watched_.clear(); }

 private:
  void ended(const caf::down_msg& message);
  void decide(std::size_t which, const fault& why);
  void make_successor(std::size_t which);
  void escalate(const std::string& actor, const fault& why);
  void note(model::trace_event event, const std::string& actor, std::optional<fault_code> why);

  const std::string name_;
  std::vector<watched_actor> watched_;
  const std::function<void(const fault&)> give_up_;
  observe::trace_writer& trace_;
  observe::logger& log_;
  supervision brain_;
};

}  // namespace fleetgate::supervise
