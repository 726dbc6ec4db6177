// Gives the probes their metric names: every family of the node is named in *_registration.cpp
// and nowhere else. Called at start-up; probes must outlive the registry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>

#include "actors/observe/actor_probe.hpp"
#include "actors/observe/config_probe.hpp"
#include "actors/observe/log.hpp"
#include "actors/observe/overload_probe.hpp"
#include "actors/observe/probes.hpp"
#include "actors/observe/registry.hpp"
#include "actors/runtime/mailbox.hpp"
#include "actors/runtime/memory_budget.hpp"

namespace fleetgate::observe {

/// Unix time in nanoseconds, for the age of what waits.
using unix_clock = std::function<std::int64_t()>;
std::int64_t system_unix_ns() noexcept;

void register_probe(registry& to, std::string_view listener, const ingress_probe& p);
void register_probe(registry& to, const parse_probe& p);
void register_probe(registry& to, const journal_probe& p, const unix_clock& now = system_unix_ns);
void register_probe(registry& to, std::string_view sink, const sink_probe& p,
                    const unix_clock& now = system_unix_ns);

void register_probe(registry& to, const sessions_probe& p);
void register_probe(registry& to, const commands_probe& p);
void register_probe(registry& to, const overload_probe& p);
/// `actor`: as in supervision, such as "spool" or "shard-0.parser".
void register_probe(registry& to, std::string_view actor, const actor_probe& p);

void register_probe(registry& to, const config_probe& p);

/// What lies in a bounded queue and what may, for one class.
struct queue_reading {
  std::size_t items = 0;
  std::size_t limit_items = 0;
  std::size_t bytes = 0;
  std::size_t limit_bytes = 0;
};
/// Called on the rendering thread.
using queue_reader = std::function<queue_reading(model::traffic_class)>;

/// A bounded queue in front of `stage` ("parse", "journal", ...); several of one stage are summed.
void register_queue(registry& to, std::string_view stage, const queue_reader& read);

/// A mailbox with a lock, so that the rendering thread may look into it.
template <class T>
void register_queue(registry& to, std::string_view stage,
                    const runtime::mailbox<T, std::mutex>& box) {
  register_queue(to, stage, [&box](model::traffic_class c) {
    const auto depth = box.depth(c);
    return queue_reading{depth.items, box.limits().items, depth.bytes, box.limits().bytes};
  });
}

void register_memory(registry& to, const runtime::memory_budget& budget);
void register_log(registry& to, const logger& log);
/// fleetgate_ready (1 or 0) and fleetgate_build_info.
void register_node(registry& to, std::string_view version, std::function<bool()> ready);
/// process_*: processor time, memory and file descriptors of this process, as other Prometheus
/// clients name them.
void register_process(registry& to);

}  // namespace fleetgate::observe
