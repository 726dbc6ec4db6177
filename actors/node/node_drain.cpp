// How a node ends: devices first, then what is in memory, then the disk, then the sinks.
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
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
std::optional<Answer> ask(caf::scoped_actor& self, const caf::actor& who, clock::time_point until,
                          Message&&... message) {
  const auto left =
      std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(until - clock::now()));
  std::optional<Answer> got;
  self->request(who, left, std::forward<Message>(message)...)
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
  std::vector<decltype(send_away(p.shards.front()->ingress))> answers;
  for (const auto& s : p.shards) answers.push_back(send_away(s->ingress));
  for (auto& answer : answers) {
    answer.receive([&](std::uint64_t gone) { report.connections_closed += gone; },
                   [&](const caf::error&) { report.connections_gone = false; });
  }
  // The wills of those who were sent away.
  ask<bool>(self, p.sessions_actor, until, sessions::drain_atom::value);
  ask<bool>(self, p.commands_actor, until, commands::drain_atom::value);
  for (const auto& s : p.shards) {
    while (!ask<bool>(self, s->parser, until, parse::flush_atom::value).value_or(true)) {
      ask<bool>(self, p.dedup_actor, until, dedup::flush_atom::value);
    }
  }
  const bool all_taken =
      ask<bool>(self, p.dedup_actor, until, dedup::flush_atom::value).value_or(false);
  // Syncing is not given up for the timeout: what is acknowledged is on disk already, and the rest
  // is a moment's work or a broken disk.
  report.spool_synced =
      ask<bool>(self, p.spool_actor, until + std::chrono::seconds(5), spool::close_atom::value)
          .value_or(false);
  // What was handed in and is settled by now hears of it while the admin server still answers.
  for (const auto& s : p.shards) ask<bool>(self, s->ingress, until, ingress::answered_atom::value);
  // In parts, one after the other; without it the next start has more to read, and loses nothing.
  caf::anon_send(p.dedup_actor, dedup::snapshot_atom::value);
  do ask<bool>(self, p.dedup_actor, until, dedup::flush_atom::value);
  while (ask<bool>(self, p.state_actor, until, state::progress_atom::value).value_or(false));
  for (const auto& s : p.sinks) {
    if (!ask<bool>(self, s->actor, until, sink::drain_atom::value).value_or(false)) {
      report.sinks_behind.push_back(s->name);
    }
  }
  if (report.connections_gone && all_taken && report.spool_synced) p.close_accounts();
  report.took = std::chrono::duration_cast<milliseconds>(clock::now() - start);
  if (!report.spool_synced)
    report.code = exit_code::io_error;
  else if (!report.connections_gone || !report.sinks_behind.empty()) {
    report.code = exit_code::drain_timeout;
  }
  p.drained = report.code == exit_code::ok;
  return report;
}

void node::parts::stop() {
  if (std::exchange(stopped, true)) return;
  http_servers.clear();
  admin_server.reset();
  // Detached actors first: they end their threads; a snapshot under way is finished.
  caf::scoped_actor self(system);
  for (const auto& a : {state_actor, sessions_actor, commands_actor}) {
    if (!a) continue;
    self->send_exit(a, caf::exit_reason::user_shutdown);
    self->wait_for(a);
  }
  for (const auto& s : sinks) {
    self->send_exit(s->actor, caf::exit_reason::user_shutdown);
    self->wait_for(s->actor);
    s->news->changed.disconnect();
  }
  for (const auto& s : shards) s->unit->stop();
  if (journal) journal->stop();
  for (const auto& s : shards) s->unit->join();
  if (journal) journal->join();
  if (drained) note_drained();
  if (mail) mail->disconnect();
  if (subscribers) subscribers->disconnect();
  if (commands) commands->disconnect();
  if (sessions_news) sessions_news->changed.disconnect();
  for (const auto& s : shards) {
    s->shard->intake.to_parser.disconnect();
    s->shard->handed_in.disconnect();
    s->ingress = nullptr;
    s->parser = nullptr;
  }
  dedup_actor = spool_actor = state_actor = sessions_actor = commands_actor = nullptr;
  // What pinned actors are left have no unit any more.
  system.await_actors_before_shutdown(false);
}

}  // namespace fleetgate::node
