// The node's tree of actors: who watches whom, and who has been with one thing for too long.
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <random>

#include "actors/node/parts.hpp"
#include "actors/runtime/clock.hpp"
#include "actors/supervise/supervisor_actor.hpp"

namespace fleetgate::node {
namespace {

constexpr std::chrono::nanoseconds hang_patience = std::chrono::seconds(10);

/// Nothing: it waits for messages.
std::optional<std::uint64_t> busy_for(const actor_part& a, std::uint64_t now_ns) {
  const std::uint64_t since_ns = a.body->busy_since_ns();
  if (since_ns == 0) return std::nullopt;
  return now_ns > since_ns ? now_ns - since_ns : 0;
}

}  // namespace

/// By supervisor, in the order of a message's road.
std::vector<std::pair<std::string, std::vector<actor_part*>>> node::parts::groups() {
  std::vector<std::pair<std::string, std::vector<actor_part*>>> all;
  for (const auto& s : shards) all.push_back({s->unit->name(), {&s->ingress, &s->parser}});
  all.push_back({"journal", {&dedup_actor, &spool_actor, &state_actor}});
  all.push_back({"devices", {&sessions_actor, &commands_actor}});
  all.push_back({"sinks", {}});
  for (const auto& s : sinks) all.back().second.push_back(&s->actor);
  return all;
}

void node::parts::for_each_actor(const std::function<void(actor_part&)>& call) {
  for (const auto& [name, actors] : groups()) {
    for (actor_part* a : actors) {
      if (a->body) call(*a);
    }
  }
}

/// Starts all actors, each under its supervisor, and those under the root. Where a supervisor gives
/// up the node goes down as if it were told to, and says that it was a bug.
void node::parts::supervise() {
  std::random_device random;
  const auto watch = [&](std::string name, std::vector<supervise::watched_actor> actors,
                         std::function<void(const fault&)> give_up) {
    return system.spawn<supervise::supervisor_actor>(std::move(name), std::move(actors), random(),
                                                     std::move(give_up), supervision_trace, log);
  };
  std::vector<supervise::watched_actor> under_root;
  named_actors made{{"node", nullptr}};
  for (const auto& [name, members] : groups()) {
    if (members.empty()) continue;
    std::vector<supervise::watched_actor> actors;
    for (actor_part* a : members) {
      const auto spawn = [this, a] { return a->spawn(system); };
      actors.push_back({a->name, spawn(), spawn, &a->probe});
    }
    made.emplace_back(name, watch(name, std::move(actors), nullptr));
    under_root.push_back({name, made.back().second, nullptr, nullptr});
  }
  const auto go_down = [this](const fault&) {
    gave_up = true;
    wishes.drain();
  };
  made.front().second = watch("node", std::move(under_root), go_down);
  std::lock_guard hold(supervisors_lock);
  supervisors = std::move(made);
}

node::parts::named_actors node::parts::all_supervisors() const {
  std::lock_guard hold(supervisors_lock);
  return supervisors;
}

/// No successor is made any more.
void node::parts::end_supervision() {
  caf::scoped_actor self(system);
  for (auto& [name, supervisor] : supervisors) {
    self->send_exit(supervisor, caf::exit_reason::user_shutdown);
    self->wait_for(supervisor);
  }
  supervisors.clear();
}

/// Units have a heartbeat; of actors with a thread of their own only their body knows. A thread
/// that hangs cannot be ended: what it holds up is shown, and everybody else goes on.
void node::parts::review_actors() {
  const std::uint64_t now_ns = runtime::steady_now_ns();
  for_each_actor([&](actor_part& a) {
    const std::uint64_t busy_ns = busy_for(a, now_ns).value_or(0);
    const bool hangs = busy_ns > static_cast<std::uint64_t>(hang_patience.count());
    if (hangs == (a.probe.unresponsive.value() != 0)) return;
    a.probe.unresponsive.set(hangs ? 1 : 0);
    health.set("actor." + a.name, hangs ? admin::health_state::degraded : admin::health_state::good,
               hangs ? "it has been with one thing for more than 10 s: see what its disk or "
                       "database waits for"
                     : "");
    if (hangs)
      log.error("actor.unresponsive", {{"actor", a.name},
                                       {"for_s", busy_ns / 1'000'000'000},
                                       {"next", "see what its disk or database waits for"}});
    else
      log.info("actor.responds", {{"actor", a.name}});
  });
}

/// Supervisors know who has ended; who hangs is known here.
void node::parts::show_busy(std::vector<contract::supervisor_report>& tree) {
  const std::uint64_t now_ns = runtime::steady_now_ns();
  for_each_actor([&](actor_part& a) {
    for (auto& supervisor : tree) {
      for (contract::actor_report& r : supervisor.actors) {
        if (r.name != a.name) continue;
        r.busy_ns = busy_for(a, now_ns);
        if (a.probe.unresponsive.value() != 0) r.state = contract::actor_state::unresponsive;
      }
    }
  });
}

}  // namespace fleetgate::node
