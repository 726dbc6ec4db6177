// How a running node takes over a configuration that was read again: what can be applied is, the
// rest is named. Nothing here can fail, so nothing is taken over by half.
#include <algorithm>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <vector>

#include "actors/node/config_changes.hpp"
#include "actors/node/drain_report.hpp"
#include "actors/node/parts.hpp"
#include "actors/runtime/clock.hpp"

namespace fleetgate::node {
namespace {

using contract::change_effect;
using contract::config_change;

/// A shard that is held up takes its mail when it goes on.
constexpr std::chrono::seconds shard_patience{2};

std::string keys_of(const std::vector<config_change>& changes, change_effect effect) {
  std::string keys;
  for (const config_change& c : changes) {
    if (c.effect == effect) keys += (keys.empty() ? "" : ", ") + c.key;
  }
  return keys;
}

std::size_t count_of(const std::vector<config_change>& changes, change_effect effect) {
  return static_cast<std::size_t>(
      std::count_if(changes.begin(), changes.end(),
                    [effect](const config_change& c) { return c.effect == effect; }));
}

}  // namespace

std::vector<ingress::priority_rule> priority_rules(const std::vector<device_config>& devices) {
  std::vector<ingress::priority_rule> rules;
  for (const auto& d : devices) {
    rules.push_back({d.match, static_cast<ingress::device_priority>(d.priority)});
  }
  return rules;
}

contract::reload_outcome node::reload(config_reading wanted) {
  parts& p = *parts_;
  if (!wanted) {
    p.tell_of_refusal(wanted.error());
    return tl::unexpected(std::move(wanted.error()));
  }
  auto changes = changes_between(p.in_force, *wanted);
  p.in_force = with_live_keys(std::move(p.in_force), *wanted);
  const auto least = log_options_of(p.in_force.log).least;
  // What is said of the reload is heard by whoever listened before or does now.
  p.log.set_least(std::min(p.log.least(), least));
  if (count_of(changes, change_effect::applied) != 0) p.apply_live();
  p.tell_of_reload(changes);
  p.log.set_least(least);
  return changes;
}

void node::parts::apply_live() {
  settings.shutdown = in_force.shutdown;
  tell_priorities();
}

/// A shard that does not answer (its ingress has just ended) is told again with the next review.
void node::parts::tell_priorities() {
  priorities_untold = false;
  caf::scoped_actor self(system);
  const auto tell = [&](const caf::actor& shard) {
    return self->request(shard, shard_patience, ingress::priorities_atom::value,
                         priority_rules(in_force.devices));
  };
  std::vector<decltype(tell(caf::actor{}))> answers;  // all at once: one may be busy
  for (const auto& s : shards) answers.push_back(tell(s->ingress.at.get()));
  for (auto& answer : answers) {
    answer.receive([](bool) {}, [this](const caf::error&) { priorities_untold = true; });
  }
}

void node::parts::note_config_taken() {
  config_probe.last_taken.set(1);
  config_probe.taken_time_s.set(runtime::unix_now_ns() / 1'000'000'000);
}

void node::parts::tell_of_reload(const std::vector<config_change>& changes) {
  const auto waiting = count_of(changes, change_effect::needs_restart);
  ++config_probe.reloads[observe::reload_result::taken];
  note_config_taken();
  config_probe.keys_need_a_restart.set(static_cast<std::int64_t>(waiting));
  log.info("config.reloaded", {{"applied", changes.size() - waiting},
                               {"keys", keys_of(changes, change_effect::applied)},
                               {"need_restart", waiting},
                               {"waiting_keys", keys_of(changes, change_effect::needs_restart)}});
  for (const config_change& c : changes) {
    const bool applied = c.effect == change_effect::applied;
    log.log_event(applied ? observe::log_level::info : observe::log_level::warn,
                  applied ? "config.changed" : "config.restart_needed",
                  {{"key", c.key},
                   {"was", c.was.value_or("")},
                   {"now", c.now.value_or("")},
                   {"effect", applied ? "applied" : "none until the node is restarted"}});
  }
}

void node::parts::tell_of_refusal(const contract::reload_refusal& why) {
  ++config_probe.reloads[observe::reload_result::refused];
  config_probe.last_taken.set(0);
  log.error("config.reload_refused",
            {{"reason", to_string(why.why)},
             {"first_error", why.errors.empty() ? std::string() : why.errors.front()},
             {"errors", why.errors.size()},
             {"effect", "the configuration in force stays"},
             {"next", why.next}});
}

}  // namespace fleetgate::node
