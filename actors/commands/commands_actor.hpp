// Keeps the ledger on disk and brings commands to their devices: to native ones through their
// shard, to MQTT clients through the sessions stage. Detached: it blocks on the state store.
//   (wake_atom)                              events have come, or something is due
//   (submit_atom, command_request) -> ledger_answer    on disk when it is answered
//   (find_atom, device, id) -> ledger_answer
//   (list_atom, device, after, most) -> ledger_page
//   (drain_atom) -> bool                     what has happened is on disk
// Limits: commands_limits; mailboxes that do not take a command now are tried again.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/commands/ledger.hpp"
#include "actors/contract/command_mail.hpp"
#include "actors/contract/state_store.hpp"
#include "actors/observe/log.hpp"
#include "actors/observe/probes.hpp"
#include "actors/runtime/actor_body.hpp"

namespace fleetgate::commands {

using submit_atom = caf::atom_constant<caf::atom("submit")>;
using find_atom = caf::atom_constant<caf::atom("find")>;
using list_atom = caf::atom_constant<caf::atom("list")>;
using drain_atom = caf::atom_constant<caf::atom("drain")>;

struct ledger_answer {
  std::optional<fault> refused;
  contract::submitted_command got;
};

struct ledger_page {
  std::optional<fault> refused;
  contract::command_page got;
};

/// Asks for the connection of a device, without waiting: `found` is called on the asker's thread.
/// Generation 0: it has none; nothing: nobody knows now.
using locator =
    std::function<void(caf::event_based_actor* asker, const std::string& device,
                       std::function<void(std::optional<model::connection_ref>)> found)>;

class commands_actor final : public runtime::actor_body {
 public:
  /// `topics`: where MQTT clients get their commands, {device}, {command} and {name} in them.
  commands_actor(const commands_limits& limits, std::vector<std::string> topics,
                 contract::command_mail& mail, contract::state_store& store, locator locate,
                 observe::commands_probe& probe, observe::logger& log);
  const char* name() const override { return "commands"; }

  /// Before the first runner. Half of a ledger is nothing to go on with. Faults: the store's.
  result<void> restore();

 private:
  caf::behavior make_behavior() override;
  void turn();
  void take(const contract::command_event& e, std::int64_t now_ns);
  ledger_answer submit(const contract::command_request& what);
  void look_for(const std::string& device);
  bool deliver(const std::string& device, model::connection_ref native);
  void look_again();
  bool hand_over(const contract::command& c, model::connection_ref native);
  [[nodiscard]] contract::command_delivery_ptr delivery_of(const contract::command& c) const;
  bool store();
  void publish();
  void wait();
  void wake_in(std::int64_t ns);

  contract::command_mail& mail_;
  contract::state_store& store_;
  const std::vector<std::string> topics_;
  const locator locate_;
  observe::commands_probe& probe_;
  observe::logger& log_;
  ledger ledger_;
  std::set<std::string> to_look_for_;  // devices for whose commands a mailbox had no room
  std::uint64_t wakes_at_ns_ = 0;
  bool has_run_ = false;
};

}  // namespace fleetgate::commands

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::contract::command_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::commands::ledger_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::commands::ledger_page)
