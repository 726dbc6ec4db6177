// What of the spool may go, and when: budgets, removal of what everyone has, shedding.
#include <algorithm>
#include <numeric>

#include "actors/spool/spool.hpp"

namespace fleetgate::spool {
namespace {

using model::lane;

/// Room is short where less than this part of the budget is left to telemetry.
constexpr std::uint64_t short_of_room_part = 8;
/// An active segment smaller than this part of a full one is not closed just to be removed.
constexpr std::uint64_t worth_closing_part = 16;

}  // namespace

model::class_shares spool::shares_of(std::uint64_t budget) noexcept {
  // A segment is at most a sixteenth: what is kept for a class has room for one.
  return {budget, {budget / 8, budget / 8, budget / 16, budget / 16}};
}

model::class_bytes spool::used_by_class() const noexcept {
  model::class_bytes used{};
  for (const lane_log& l : lanes_) {
    if (l.in() != lane::quarantine) used[index(l.in()) % used.size()] += l.bytes();
  }
  return used;
}

std::uint64_t spool::used_bytes() const noexcept {
  const auto used = used_by_class();
  return std::accumulate(used.begin(), used.end(), std::uint64_t{0});
}

bool spool::has_room(model::traffic_class cls, std::uint64_t bytes) const noexcept {
  const auto used = used_by_class();
  const auto all = std::accumulate(used.begin(), used.end(), std::uint64_t{0});
  return all + bytes <= shares_.limit_for(cls, used);
}

bool spool::wants_snapshot() const noexcept {
  return snapshot_floor_ < durable_lsn() &&
         !has_room(model::traffic_class::telemetry, options_.budget_bytes / short_of_room_part);
}

bool spool::admit(const model::envelope& e, lane in, std::uint64_t bytes) {
  return in == lane::quarantine ? make_quarantine_room(bytes) : make_room(e.cls, bytes);
}

bool spool::make_room(model::traffic_class cls, std::uint64_t bytes) {
  while (!has_room(cls, bytes)) {
    if (!shed_oldest()) return false;
  }
  return true;
}

/// Quarantine never holds anything up: the oldest goes, whoever has not read it.
bool spool::make_quarantine_room(std::uint64_t bytes) {
  lane_log& l = lanes_[model::index(lane::quarantine)];
  while (l.bytes() + bytes > options_.quarantine_budget_bytes) {
    if (!may_close_front(l)) return false;
    const kept_segment& front = l.segments().front();
    const std::uint64_t records = front.last_ordinal + 1 - front.shared->first_ordinal;
    if (!shed_front(l)) return false;
    counts_[model::index(l.in())].shed_records += records;
  }
  return true;
}

bool spool::may_close_front(const lane_log& l) const noexcept {
  return !l.segments().empty() && (!l.oldest_is_active() || l.can_close_active());
}

/// Frees the oldest segment that every required reader has. Where there is none, the oldest
/// telemetry that nobody was promised, whoever has not read it. Never what a snapshot still needs.
bool spool::shed_oldest() {
  lane_log* oldest = nullptr;
  for (lane_log& l : lanes_) {
    if (l.in() == lane::quarantine || !may_close_front(l)) continue;
    const kept_segment& front = l.segments().front();
    if (front.last.lsn > snapshot_floor_ || !readers_.required_passed(l.in(), front.last)) continue;
    if (oldest == nullptr || front.shared->first() < oldest->segments().front().shared->first()) {
      oldest = &l;
    }
  }
  if (oldest == nullptr) {
    lane_log& telemetry = lanes_[model::index(lane::telemetry_free)];
    if (!may_close_front(telemetry)) return false;
    if (telemetry.segments().front().last.lsn > snapshot_floor_) return false;
    oldest = &telemetry;
  }
  const auto unread = shed_front(*oldest);
  if (unread) counts_[model::index(oldest->in())].shed_records += *unread;
  return unread.has_value();
}

std::optional<std::uint64_t> spool::shed_front(lane_log& l) {
  const kept_segment& front = l.segments().front();
  std::vector<std::uint64_t> lost;
  for (const reader_registry::reader& r : readers_.all()) {
    const model::position at = r.at.lanes[model::index(l.in())];
    const bool has_it = front.last <= at;
    lost.push_back(has_it ? 0 : front.last_ordinal + 1 - ordinal_after(front, at));
  }
  if (!remove_front(l)) return std::nullopt;
  std::uint64_t unread = 0;
  for (std::size_t i = 0; i < lost.size(); ++i) {
    reader_stats& reader = readers_.all()[i].stats;
    reader.shed_records += lost[i];
    if (reader.required) unread = std::max(unread, lost[i]);
  }
  return unread;
}

/// The ordinal in `s` of the first record after `at`; the segment's first where that cannot be
/// read.
std::uint64_t spool::ordinal_after(const kept_segment& s, const model::position& at) {
  const std::uint64_t first = s.shared->first_ordinal;
  if (at < s.shared->first()) return first;
  const auto file = files_.open_for_reading(s.shared->path);
  if (!file) return first;
  const auto place = find_place(reading_around(**file), segment_seed(id_.uuid, s.shared->first_lsn),
                                s.bytes, at.lsn);
  return place ? std::max(place->next_ordinal, first) : first;
}

/// False where the segment is still there.
bool spool::remove_front(lane_log& l) {
  const std::size_t before = l.segments().size();
  const bool last = before == 1;
  if (last || id_.extent.clean) {
    // Once its last segment is gone, only this note tells how far the lane had come. And a note of
    // a clean close must not outlive what it says.
    if (!note_extent(last ? &l : nullptr, false)) {
      ++counters_.storage_faults;
      return false;
    }
  }
  if (l.oldest_is_active()) l.close_active();
  if (!l.remove_oldest()) ++counters_.storage_faults;
  if (l.segments().size() == before) return false;
  ++counters_.removed_segments;
  return true;
}

/// Removes what every reader has and a snapshot covers. Without readers everything is kept until
/// the budget asks for room; quarantine is kept for people until its own budget does.
void spool::collect() {
  for (lane_log& l : lanes_) {
    if (l.in() == lane::quarantine) continue;
    while (may_close_front(l)) {
      const kept_segment& front = l.segments().front();
      if (front.last.lsn > snapshot_floor_ || !readers_.all_passed(l.in(), front.last)) break;
      const bool small = front.bytes < options_.segment_bytes / worth_closing_part;
      if (l.oldest_is_active() && small) break;
      if (!remove_front(l)) break;
    }
  }
}

/// Of what is durable. Inside a segment lsns are taken to be spread evenly.
std::uint64_t spool::held_bytes(const lane_log& l) const noexcept {
  const model::position passed = readers_.required_passed()[model::index(l.in())];
  std::uint64_t held = 0;
  for (auto s = l.segments().rbegin(); s != l.segments().rend() && s->last > passed; ++s) {
    const model::position first = s->shared->first();
    if (passed < first) {
      held += s->bytes;
    } else {
      const double left = static_cast<double>(s->last.lsn - passed.lsn) /
                          static_cast<double>(s->last.lsn - first.lsn + 1);
      held += static_cast<std::uint64_t>(left * static_cast<double>(s->bytes));
    }
  }
  return held;
}

spool_stats spool::stats() const {
  spool_stats s = counters_;
  for (const lane_log& l : lanes_) {
    const std::size_t i = model::index(l.in());
    const auto cls = static_cast<model::traffic_class>(i % model::traffic_class_count);
    const bool is_bad = l.in() == lane::quarantine;
    const auto limit = is_bad ? options_.quarantine_budget_bytes : shares_.limit_for(cls);
    s.lanes[i] = {l.bytes(),   held_bytes(l),       limit,
                  l.records(), l.segments().size(), l.oldest_received_time_ns()};
  }
  s.used_bytes = used_bytes();
  s.budget_bytes = options_.budget_bytes;
  s.damaged_records = recovered_.damaged_records;
  s.torn_bytes = recovered_.torn_bytes;
  for (const reader_registry::reader& r : readers_.all()) s.readers.push_back(r.stats);
  return s;
}

}  // namespace fleetgate::spool
