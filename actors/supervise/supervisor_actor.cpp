#include "actors/supervise/supervisor_actor.hpp"

#include <caf/behavior.hpp>
#include <chrono>
#include <system_error>
#include <utility>

#include "actors/runtime/actor_body.hpp"
#include "actors/runtime/clock.hpp"

namespace fleetgate::supervise {

supervisor_actor::supervisor_actor(caf::actor_config& config, std::string name,
                                   std::vector<watched_actor> watched, std::uint64_t seed,
                                   std::function<void(const fault&)> give_up,
                                   observe::trace_writer& trace, observe::logger& log)
    : caf::event_based_actor(config),
      name_(std::move(name)),
      watched_(std::move(watched)),
      give_up_(std::move(give_up)),
      trace_(trace),
      log_(log),
      brain_(seed) {
  for (const watched_actor& w : watched_) brain_.add(w.name, w.make_successor != nullptr);
}

caf::behavior supervisor_actor::make_behavior() {
  set_down_handler([this](const caf::down_msg& message) { ended(message); });
  for (const watched_actor& w : watched_) monitor(w.running);
  return {
      [this](report_atom) {
        contract::supervisor_report report;
        report.name = name_;
        report.actors = brain_.report();
        return report;
      },
      [this](restart_atom, std::uint64_t which) { make_successor(which); },
  };
}

void supervisor_actor::ended(const caf::down_msg& message) {
  const auto why = runtime::fault_of(message.reason);
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    watched_actor& w = watched_[i];
    if (w.running.address() != message.source) continue;
    if (!why) return;  // as it was told to
    if (w.probe != nullptr) w.probe->ended.set(1);
    note(model::trace_event::actor_ended, w.name, why->code);
    return decide(i, *why);
  }
}

/// It has ended, or its successor could not be made.
void supervisor_actor::decide(std::size_t which, const fault& why) {
  const std::string& actor = watched_[which].name;
  const restart_order order =
      brain_.ended(which, why, runtime::steady_now_ns(), runtime::unix_now_ns());
  if (order.decision == restart_decision::escalate) return escalate(actor, why);
  log_.error(
      "actor.ended",
      {{"actor", actor},
       {"reason", to_string(why)},
       {"next", "it is started again"},
       {"in_ms", std::chrono::duration_cast<std::chrono::milliseconds>(order.wait).count()}});
  if (order.decision == restart_decision::restart) return make_successor(which);
  delayed_send(this, order.wait, restart_atom::value, std::uint64_t{which});
}

void supervisor_actor::make_successor(std::size_t which) {
  watched_actor& w = watched_[which];
  try {
    w.running = w.make_successor();
  } catch (const std::system_error& e) {
    return decide(which, fault(fault_code::no_thread, e.what()));
  }
  monitor(w.running);
  brain_.restarted(which);
  if (w.probe != nullptr) {
    ++w.probe->restarts;
    w.probe->ended.set(0);
  }
  note(model::trace_event::actor_restarted, w.name, std::nullopt);
  log_.info("actor.restarted", {{"actor", w.name}});
}

void supervisor_actor::escalate(const std::string& actor, const fault& why) {
  note(model::trace_event::escalated, actor, why.code);
  log_.error("actor.given_up", {{"actor", actor},
                                {"supervisor", name_},
                                {"reason", to_string(why)},
                                {"why", "it has ended too often"}});
  if (give_up_) return give_up_(why);
  quit(runtime::to_error(why));
}

void supervisor_actor::note(model::trace_event event, const std::string& actor,
                            std::optional<fault_code> why) {
  observe::trace_note note;
  note.event = event;
  note.subject = actor;
  note.fault = why;
  trace_.write(note, runtime::unix_now_ns());
}

}  // namespace fleetgate::supervise
