// A registry with everything a node registers, for tests: two shards, one journal, one sink.
#pragma once

#include <string>

#include "actors/observe/probe_registration.hpp"

namespace fleetgate::test {

struct wired_registry {
  wired_registry() {
    using namespace observe;
    for (auto& p : ingress) register_probe(metrics, "mqtt", p);
    for (auto& p : parse) register_probe(metrics, p);
    register_probe(metrics, journal, [this] { return unix_now_ns; });
    register_probe(metrics, "fleet", sink, [this] { return unix_now_ns; });
    register_probe(metrics, sessions);
    register_probe(metrics, commands);
    register_probe(metrics, overload);
    register_probe(metrics, "spool", actor);
    register_probe(metrics, config);
    register_queue(metrics, "journal", box);
    register_memory(metrics, budget);
    register_log(metrics, log);
    register_node(metrics, "0.1.0", [this] { return ready; });
    register_process(metrics);
  }

  std::int64_t unix_now_ns = 1'000'000'000;
  bool ready = false;
  observe::ingress_probe ingress[2];
  observe::parse_probe parse[2];
  observe::journal_probe journal;
  observe::sink_probe sink;
  observe::sessions_probe sessions;
  observe::commands_probe commands;
  observe::overload_probe overload;
  observe::actor_probe actor;
  observe::config_probe config;
  runtime::mailbox<std::string> box{{10, 1000}};
  runtime::memory_budget budget{16 * 1024};
  observe::logger log{[] {
    observe::log_options o;
    o.write = [](std::string_view) {};
    return o;
  }()};
  observe::registry metrics;
};

}  // namespace fleetgate::test
