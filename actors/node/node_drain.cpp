// How a node ends: devices first, then what is in memory, then the disk, then the sinks.
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <vector>

#include "actors/commands/commands_actor.hpp"
#include "actors/dedup/dedup_actor.hpp"
#include "actors/ingress/connection_actor.hpp"
#include "actors/node/parts.hpp"
#include "actors/parse/parser_actor.hpp"
#include "actors/sessions/sessions_actor.hpp"
#include "actors/sink/sink_actor.hpp"
#include "actors/spool/spool_actor.hpp"
#include "actors/state/state_actor.hpp"

namespace fleetgate::node {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// One request with what is left of the time; nothing where it was not answered in it.
template <class Answer, class... Message>
std::optional<Answer> ask(caf::scoped_actor& self, const runtime::address& who,
                          clock::time_point until, Message&&... message) {
  const auto left =
      std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(until - clock::now()));
  std::optional<Answer> got;
  self->request(who.get(), left, std::forward<Message>(message)...)
      .receive([&](const Answer& a) { got = a; }, [](const caf::error&) {});
  return got;
}

}  // namespace

drain_report node::drain() {
  parts& p = *parts_;
  const auto start = clock::now();
  const auto until = start + p.settings.shutdown.drain_timeout;
  p.health.draining("SIGTERM: the node is going down");
  caf::scoped_actor self(p.system);
  drain_report report;
  report.connections_gone = true;

  const auto rate = std::max<std::uint32_t>(
      1, p.settings.shutdown.disconnect_rate / static_cast<std::uint32_t>(p.shards.size()));
  // All at once: a shard that still accepts would be given those that another one sends away.
  const auto left =
      std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(until - clock::now()));
  const auto send_away = [&](const caf::actor& shard) {
    return self->request(shard, left, ingress::drain_atom::value, fault_code::server_shutting_down,
                         rate);
  };
  std::vector<decltype(send_away(caf::actor{}))> answers;
  for (const auto& s : p.shards) answers.push_back(send_away(s->ingress.at.get()));
  for (auto& answer : answers) {
    answer.receive([&](std::uint64_t gone) { report.connections_closed += gone; },
                   [&](const caf::error&) { report.connections_gone = false; });
  }
  // The wills of those who were sent away.
  ask<bool>(self, p.sessions_actor.at, until, sessions::drain_atom::value);
  ask<bool>(self, p.commands_actor.at, until, commands::drain_atom::value);
  // Whoever does not answer has ended, or hangs: what it holds is not taken, and nobody says it is.
  const auto dedup_takes = [&](clock::time_point by) {
    return ask<bool>(self, p.dedup_actor.at, by, dedup::flush_atom::value).has_value();
  };
  bool all_taken = true;
  for (const auto& s : p.shards) {
    std::optional<bool> nothing_left;
    do {
      nothing_left = ask<bool>(self, s->parser.at, until, parse::flush_atom::value);
    } while (nothing_left == false && clock::now() < until && dedup_takes(until));
    all_taken &= nothing_left == true;
  }
  all_taken &= dedup_takes(until);
  // Syncing is not given up for the timeout: what is acknowledged is on disk already, and the rest
  // is a moment's work or a broken disk.
  const auto until_synced = until + std::chrono::seconds(5);
  report.spool_synced =
      ask<bool>(self, p.spool_actor.at, until_synced, spool::close_atom::value).value_or(false);
  all_taken &= dedup_takes(until_synced);  // what the spool has settled by now
  // What was handed in and is settled hears of it while the admin server still answers.
  for (const auto& s : p.shards)
    ask<bool>(self, s->ingress.at, until, ingress::answered_atom::value);
  // A will that is stored and still noted as due would be published again by the next start.
  ask<bool>(self, p.sessions_actor.at, until, sessions::drain_atom::value);
  // In parts, one after the other; without it the next start has more to read, and loses nothing.
  p.dedup_actor.at.send(dedup::snapshot_atom::value);
  do ask<bool>(self, p.dedup_actor.at, until, dedup::flush_atom::value);
  while (ask<bool>(self, p.state_actor.at, until, state::progress_atom::value).value_or(false));
  for (const auto& s : p.sinks) {
    if (!ask<bool>(self, s->actor.at, until, sink::drain_atom::value).value_or(false)) {
      report.sinks_behind.push_back(s->name);
    }
  }
  // Once more, for its note that nothing is missing: snapshot and sinks have let segments go.
  if (report.spool_synced) {
    ask<bool>(self, p.spool_actor.at, until_synced, spool::close_atom::value);
  }
  p.drained = report.connections_gone && all_taken && report.spool_synced;
  if (p.drained) p.close_accounts();
  report.took = std::chrono::duration_cast<milliseconds>(clock::now() - start);
  if (p.gave_up)
    report.code = exit_code::internal_error;
  else if (!report.spool_synced)
    report.code = exit_code::io_error;
  else if (!p.drained || !report.sinks_behind.empty()) {
    report.code = exit_code::drain_timeout;
  }
  return report;
}

void node::parts::stop() {
  if (std::exchange(stopped, true)) return;
  http_servers.clear();
  admin_server.reset();
  end_supervision();
  // Detached actors first: they end their threads; a snapshot under way is finished.
  caf::scoped_actor self(system);
  for_each_actor([&](actor_part& a) {
    if (a.home != nullptr || !a.at.get()) return;
    self->send_exit(a.at.get(), caf::exit_reason::user_shutdown);
    self->wait_for(a.at.get());
  });
  for (const auto& s : shards) s->unit->stop();
  if (journal) journal->stop();
  for (const auto& s : shards) s->unit->join();
  if (journal) journal->join();
  if (drained) note_drained();
  for_each_actor([](actor_part& a) {
    for (const auto& wake : a.wakes) wake(nullptr);
    a.at.disconnect();
  });
  // What pinned actors are left have no unit any more.
  system.await_actors_before_shutdown(false);
}

}  // namespace fleetgate::node
