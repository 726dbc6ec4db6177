#include "actors/node/node.hpp"

#include "actors/node/parts.hpp"

namespace fleetgate::node {
namespace {

/// So full is the spool when devices should go elsewhere.
constexpr double full_share = 0.95;

}  // namespace

node::node(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
node::~node() = default;

const std::vector<served_address>& node::serves() const noexcept {
  return parts_->serves;
}

void node::review_health() {
  parts& p = *parts_;
  std::int64_t used = 0;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    used += p.journal_probe.spool_bytes[static_cast<model::lane>(i)].value();
  }
  const auto limit = static_cast<double>(p.settings.spool.budget);
  if (p.journal_probe.storage_trouble.value() != 0) {
    p.health.set("spool", admin::health_state::unready,
                 "the disk of data_dir fails or is full: acknowledgements are withheld");
  } else if (static_cast<double>(used) > full_share * limit) {
    p.health.set("spool", admin::health_state::unready,
                 "the spool's budget is used up: a required sink is behind");
  } else {
    p.health.set("spool", admin::health_state::good);
  }
  for (const auto& s : p.sinks) {
    const bool closed =
        s->probe.circuit.value() == static_cast<std::int64_t>(observe::circuit_state::closed);
    p.health.set("sink." + s->name,
                 closed ? admin::health_state::good : admin::health_state::degraded,
                 closed ? "" : "the sink does not take rows: the spool keeps them");
  }
  p.log.sweep();
}

}  // namespace fleetgate::node
