// How pressed the node is, once a second: read from what its parts show of themselves, and shown.
#include "actors/node/parts.hpp"
#include "actors/runtime/clock.hpp"
#include "actors/spool/spool.hpp"

namespace fleetgate::node {
namespace {

using observe::pressed_resource;

overload::fill memory_fill(const runtime::memory_budget& memory) {
  overload::fill f;
  f.used = memory.used();
  for (const auto cls : model::all_traffic_classes) {
    f.limits[model::index(cls)] = memory.limit_now(cls);
  }
  return f;
}

/// Each lane has room of its own; telemetry's is the one that fills.
overload::fill journal_fill(const contract::journal_mail& mail) {
  const auto& box = mail.batches.box();
  overload::fill f;
  f.used = box.depth(model::traffic_class::telemetry).bytes;
  f.limits.fill(box.limits().bytes);
  return f;
}

overload::fill spool_fill(const observe::journal_probe& probe, std::uint64_t budget) {
  model::class_bytes held{};
  overload::fill f;
  for (std::size_t i = 0; i < 2 * model::traffic_class_count; ++i) {
    const auto bytes =
        static_cast<std::uint64_t>(probe.spool_held_bytes[static_cast<model::lane>(i)].value());
    held[i % held.size()] += bytes;
    f.used += bytes;
  }
  const auto shares = spool::spool::shares_of(budget);
  for (const auto cls : model::all_traffic_classes) {
    f.limits[model::index(cls)] = shares.limit_for(cls, held);
  }
  return f;
}

admin::health_state state_of(model::overload_level level) noexcept {
  switch (level) {
    case model::overload_level::normal:
      return admin::health_state::good;
    case model::overload_level::elevated:
    case model::overload_level::high:
      return admin::health_state::degraded;
    case model::overload_level::critical:
      return admin::health_state::unready;
  }
  return admin::health_state::good;
}

}  // namespace

void node::parts::review_overload() {
  overload::reading now;
  now.at_ns = runtime::steady_now_ns();
  const auto set = [&](pressed_resource r, overload::fill f) {
    now.of[static_cast<std::size_t>(r)] = f;
  };
  set(pressed_resource::memory, memory_fill(memory));
  set(pressed_resource::journal, journal_fill(*mail));
  set(pressed_resource::spool, spool_fill(journal_probe, settings.spool.budget));
  const auto found = overload.review(now);
  for (std::size_t i = 0; i < found.fill_permille.size(); ++i) {
    overload_probe.fill_permille[static_cast<pressed_resource>(i)].set(found.fill_permille[i]);
  }
  for (const auto cls : model::all_traffic_classes) {
    const auto& full = found.full_in[model::index(cls)];
    overload_probe.full_in_s[cls].set(full ? full->count() : observe::overload_probe::not_filling);
  }
  health.set("overload", state_of(found.level), found.reason);
  const auto before = overload_probe.level_now();
  if (found.level == before) return;
  overload_probe.level.set(static_cast<std::int64_t>(found.level));
  const bool worse = found.level > before;
  log.log_event(
      worse ? observe::log_level::warn : observe::log_level::info, "overload.level",
      {{"level", to_string(found.level)}, {"was", to_string(before)}, {"reason", found.reason}});
}

}  // namespace fleetgate::node
