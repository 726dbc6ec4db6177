#include "actors/node/node.hpp"

#include <algorithm>
#include <utility>

#include "actors/node/parts.hpp"

namespace fleetgate::node {
namespace {

/// After a refusal for lack of room in the spool, devices should go elsewhere for so many reviews.
constexpr int full_reviews = 10;

}  // namespace

node::node(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
node::~node() = default;

const std::vector<served_address>& node::serves() const noexcept {
  return parts_->serves;
}

std::chrono::milliseconds node::drain_timeout() const noexcept {
  return parts_->settings.shutdown.drain_timeout;
}

bool node::is_alive() const {
  return parts_->health.live(admin::health::time_point::clock::now()).passed;
}

void node::review_health() {
  parts& p = *parts_;
  const std::uint64_t refused = p.journal_probe.turned_away(fault_code::spool_budget_full);
  if (std::exchange(p.refused_by_spool, refused) != refused)
    p.full_reviews_left = full_reviews;
  else if (p.full_reviews_left != 0)
    --p.full_reviews_left;
  const bool withholds = std::any_of(
      model::all_traffic_classes.begin(), model::all_traffic_classes.end(),
      [&](model::traffic_class cls) { return p.journal_probe.withheld[cls].value() != 0; });
  const auto kept = p.spool_files.check();
  if (std::exchange(p.files_in_place, kept.has_value()) != kept.has_value()) p.tell_of_files(kept);
  if (!kept) {
    p.health.set("spool", admin::health_state::unready,
                 kept.error().detail + ": acknowledgements are withheld");
  } else if (p.journal_probe.storage_trouble.value() != 0) {
    p.health.set("spool", admin::health_state::unready,
                 "the disk of data_dir fails or is full: acknowledgements are withheld");
  } else if (withholds || p.full_reviews_left != 0) {
    p.health.set("spool", admin::health_state::unready,
                 "the spool's budget is used up, or too much of level committed waits: a required "
                 "sink is behind");
  } else {
    p.health.set("spool", admin::health_state::good);
  }
  const auto state = p.store->check_in_place();
  p.health.set("state", state ? admin::health_state::good : admin::health_state::unready,
               state ? "" : state.error().detail + ": commands and sessions are not stored");
  p.review_mapped_files();
  p.review_overload();
  p.review_actors();
  if (p.priorities_untold) p.tell_priorities();
  for (const auto& s : p.sinks) {
    const bool closed =
        s->probe.circuit.value() == static_cast<std::int64_t>(observe::circuit_state::closed);
    const bool paused = s->probe.paused.value() != 0;
    p.health.set("sink." + s->name,
                 closed && !paused ? admin::health_state::good : admin::health_state::degraded,
                 paused    ? "paused by a person: fleetgate sinks resume " + s->name
                 : !closed ? "the sink does not take rows: the spool keeps them"
                           : "");
  }
  p.log.sweep();
}

void node::parts::tell_of_files(const result<void>& kept) {
  if (kept) return log.info("data_dir.back");
  log.error("data_dir.lost",
            {{"reason", kept.error().detail}, {"effect", "acknowledgements are withheld"}});
}

}  // namespace fleetgate::node
