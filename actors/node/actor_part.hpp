// One actor of the node as the node keeps it: its body, where it runs, its address, and the
// mailboxes that wake it. What is spawned is found at the address and by the mailboxes, the first
// one and each successor alike. Owned by the node.
#pragma once

#include <caf/actor_system.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/observe/actor_probe.hpp"
#include "actors/runtime/actor_body.hpp"
#include "actors/runtime/address.hpp"

namespace fleetgate::node {

struct actor_part {
  std::string name;  // for people: "spool", "shard-0.parser"
  std::unique_ptr<runtime::actor_body> body;
  runtime::unit* home = nullptr;  // nothing: it has a thread of its own
  runtime::address at;
  std::vector<std::function<void(const caf::actor&)>> wakes;
  observe::actor_probe probe;

  /// `mail` (a mail, a signal, a doorbell) wakes it.
  template <class Mail>
  void reads(Mail& mail) {
    wakes.push_back([&mail](const caf::actor& who) { mail.connect(who); });
  }

  /// Any thread.
  caf::actor spawn(caf::actor_system& system) {
    caf::actor made =
        home != nullptr ? runtime::run_pinned(*home, *body) : runtime::run_detached(system, *body);
    at.connect(made);
    for (const auto& wake : wakes) wake(made);
    return made;
  }
};

}  // namespace fleetgate::node
