#include "actors/spool/spool_view.hpp"

#include <algorithm>

namespace fleetgate::spool {

result<void> spool_view::check(const contract::cursor& c) const {
  if (c == contract::cursor{}) return {};
  if (c.spool != uuid_) {
    return failure(fault_code::foreign_spool, "the cursor names " + to_string(c.spool) +
                                                  ", this spool is " + to_string(uuid_));
  }
  for (std::size_t i = 0; i < c.lanes.size(); ++i) {
    const auto in = static_cast<model::lane>(i);
    if (!beyond_end(in, c.lanes[i])) continue;
    return failure(fault_code::position_beyond_end, std::string(to_string(in)) + " at " +
                                                        to_string(c.lanes[i]) +
                                                        " was never written to this spool");
  }
  return {};
}

bool spool_view::beyond_end(model::lane in, const model::position& p) const noexcept {
  if (p.lsn == 0) return false;
  // An incarnation ends where the next one begins; the oldest remembered start bounds all before.
  const auto next = std::find_if(starts_.begin(), starts_.end(), [&](const incarnation_start& s) {
    return s.incarnation > p.incarnation;
  });
  const bool is_known = next == starts_.begin() || std::prev(next)->incarnation == p.incarnation;
  if (!is_known) return true;  // of a start after the backup that this spool was restored from
  if (next != starts_.end()) return p.lsn >= next->first_lsn;
  return p.lsn > durable_lsn_[model::index(in)].load(std::memory_order_acquire);
}

contract::cursor spool_view::end() const {
  contract::cursor c;
  c.spool = uuid_;
  // Where this incarnation has written nothing yet: the last place that one before it may have had.
  // Which that was nobody knows once spool.id was lost.
  const incarnation_start& now = starts_.back();
  model::position before_start;
  if (now.first_lsn > 1) {
    const bool is_known = starts_.size() > 1;
    before_start = {is_known ? starts_[starts_.size() - 2].incarnation : now.incarnation - 1,
                    now.first_lsn - 1};
  }
  for (std::size_t i = 0; i < c.lanes.size(); ++i) {
    const auto lsn = durable_lsn_[i].load(std::memory_order_acquire);
    c.lanes[i] = lsn == 0 ? before_start : model::position{now.incarnation, lsn};
  }
  return c;
}

bool spool_view::has_retained_behind(const contract::cursor& c) const noexcept {
  for (std::size_t i = 0; i < c.lanes.size(); ++i) {
    const auto lsn = retained_lsn_[i].load(std::memory_order_acquire);
    if (lsn != 0 && c.lanes[i] < model::position{starts_.back().incarnation, lsn}) return true;
  }
  return false;
}

segment_ptr spool_view::find(model::lane in, const model::position& at) const {
  const std::lock_guard hold(lock_);
  const auto& segments = lanes_[model::index(in)];
  if (segments.empty()) return nullptr;
  const auto after = std::upper_bound(
      segments.begin(), segments.end(), at,
      [](const model::position& p, const segment_ptr& s) { return p < s->first(); });
  return after == segments.begin() ? *after : *std::prev(after);
}

segment_ptr spool_view::after(const segment& s) const {
  const std::lock_guard hold(lock_);
  const auto& segments = lanes_[model::index(s.in)];
  const auto next = std::upper_bound(
      segments.begin(), segments.end(), s.first(),
      [](const model::position& p, const segment_ptr& other) { return p < other->first(); });
  return next == segments.end() ? nullptr : *next;
}

segment_ptr spool_view::oldest(model::lane in) const {
  const std::lock_guard hold(lock_);
  const auto& segments = lanes_[model::index(in)];
  return segments.empty() ? nullptr : segments.front();
}

void spool_view::add(segment_ptr s) {
  const std::lock_guard hold(lock_);
  lanes_[model::index(s->in)].push_back(std::move(s));
}

void spool_view::remove_oldest(model::lane in) {
  const std::lock_guard hold(lock_);
  auto& segments = lanes_[model::index(in)];
  segments.pop_front();
}

}  // namespace fleetgate::spool
