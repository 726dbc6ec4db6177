#include "actors/dedup/window_table.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "actors/dedup/identity.hpp"

namespace fleetgate::dedup {

window* window_table::open(std::string_view key, std::uint64_t hash) {
  const auto found = windows_.find(probe{key, hash});
  if (found != windows_.end()) {
    (*found)->touched = true;
    return found->get();
  }
  auto fresh = std::make_unique<window>(key, hash);
  if (counters_.cold_windows > 0 && !load_cold(*fresh)) return nullptr;
  if (!make_room_for(fresh->bytes())) {
    is_full_ = !goes_without_ && !(dirty_.empty() && in_flight_.empty());
    return nullptr;
  }
  if (fresh->in_store) --counters_.cold_windows;
  return insert(std::move(fresh));
}

const window* window_table::peek(std::string_view key, std::uint64_t hash) const {
  const auto found = windows_.find(probe{key, hash});
  return found == windows_.end() ? nullptr : found->get();
}

window* window_table::insert(std::unique_ptr<window> w) {
  window* const raw = w.get();
  devices_.add(device_in(raw->key()));
  raw->accounted = static_cast<std::uint32_t>(raw->bytes());
  join_ring(*raw);
  windows_.insert(std::move(w));
  counters_.window_bytes += raw->accounted;
  counters_.windows = windows_.size();
  return raw;
}

void window_table::join_ring(window& w) {
  w.place = static_cast<std::uint32_t>(ring_.size());
  ring_.push_back(&w);
}

void window_table::leave_ring(window& w) {
  ring_.back()->place = w.place;
  ring_[w.place] = ring_.back();
  ring_.pop_back();
}

/// A row that does not make sense costs recognition, never a message: the window starts empty. One
/// that the store does not give now must not be overwritten.
result<void> window_table::load_cold(window& w) {
  const auto row = store_->get(windows_table_name, w.key());
  if (!row) {
    ++counters_.cold_faults;
    return tl::unexpected(row.error());
  }
  if (!*row) return {};
  if (!w.load(as_bytes(**row))) ++counters_.cold_faults;
  ++counters_.cold_loads;
  w.in_store = true;
  return {};
}

void window_table::changed(window& w) {
  if (!w.dirty && store_ != nullptr) {
    if (!w.in_flight) leave_ring(w);
    w.dirty = true;
    dirty_.push_back(&w);
  }
  const auto bytes = static_cast<std::uint32_t>(w.bytes());
  const bool grew = bytes > w.accounted;
  counters_.window_bytes += bytes;
  counters_.window_bytes -= w.accounted;
  w.accounted = bytes;
  if (!grew || counters_.window_bytes <= limits_.window_bytes) return;
  ++w.pending;  // it is in use: whoever leaves, not this one
  evict_one();
  --w.pending;
}

void window_table::restore(std::string_view key, std::string_view value) {
  auto w = std::make_unique<window>(key, place_of(key, limits_.hash_seed));
  if (!w->load(as_bytes(value))) {
    ++counters_.cold_faults;
    return;
  }
  w->in_store = true;
  w->touched = false;
  devices_.add(device_in(key));
  if (counters_.window_bytes + w->bytes() > limits_.window_bytes) {
    ++counters_.cold_windows;
    return;
  }
  insert(std::move(w));
}

/// Windows also grow after they came in, and differ in size, so that one that comes may have to
/// push out some.
bool window_table::make_room_for(std::size_t bytes) {
  constexpr int most_evictions = 64;
  for (int i = 0; i < most_evictions; ++i) {
    if (counters_.window_bytes + bytes <= limits_.window_bytes) return true;
    if (!evict_one()) return false;
  }
  return counters_.window_bytes + bytes <= limits_.window_bytes;
}

/// The clock: one bounded turn of the hand, which spares what was used since it last came by unless
/// there is nothing else.
bool window_table::evict_one() {
  constexpr std::size_t longest_turn = 128;
  window* spared = nullptr;
  for (std::size_t step = 0; step < std::min(longest_turn, ring_.size()); ++step) {
    hand_ = hand_ + 1 < ring_.size() ? hand_ + 1 : 0;
    window& w = *ring_[hand_];
    if (w.pending != 0) continue;
    if (!w.touched) {
      evict(w);
      return true;
    }
    w.touched = false;
    if (spared == nullptr) spared = &w;
  }
  if (spared == nullptr) return false;
  evict(*spared);
  return true;
}

void window_table::evict(window& w) {
  if (w.in_store) {
    ++counters_.cold_windows;
  } else {
    ++counters_.windows_forgotten;
  }
  counters_.window_bytes -= w.accounted;
  leave_ring(w);
  windows_.erase(windows_.find(probe{w.key(), w.hash()}));
  counters_.windows = windows_.size();
}

std::size_t window_table::save(std::vector<contract::state_change>& changes,
                               std::size_t most_windows, std::size_t most_bytes,
                               std::uint64_t up_to_lsn) {
  std::size_t done = 0, bytes = 0, kept = 0, at = 0;
  for (; at < dirty_.size() && done < most_windows && bytes < most_bytes; ++at) {
    window& w = *dirty_[at];
    if (w.newest_lsn() > up_to_lsn) {
      dirty_[kept++] = &w;
      continue;
    }
    ++done;
    std::string value;
    w.save(value);
    bytes += w.key().size() + value.size();
    changes.push_back({std::string(windows_table_name), std::string(w.key()), std::move(value)});
    w.dirty = false;
    if (!std::exchange(w.in_flight, true)) in_flight_.push_back(&w);
  }
  dirty_.erase(dirty_.begin() + static_cast<std::ptrdiff_t>(kept),
               dirty_.begin() + static_cast<std::ptrdiff_t>(at));
  return done;
}

void window_table::saved(bool ok) {
  for (window* const w : in_flight_) {
    w->in_flight = false;
    if (ok) {
      w->in_store = true;
      if (!w->dirty) join_ring(*w);
    } else if (!std::exchange(w->dirty, true)) {
      dirty_.push_back(w);
    }
  }
  in_flight_.clear();
  store_fails_ = !ok;
  if (!ok) return;
  is_full_ = goes_without_ = false;
  failing_since_ns_.reset();
}

void window_table::on_time(std::uint64_t now_ns) {
  if (!store_fails_) return;
  if (!failing_since_ns_) failing_since_ns_ = now_ns;
  if (now_ns - *failing_since_ns_ < store_patience_ns) return;
  goes_without_ = true;
  is_full_ = false;
}

bool window_table::short_of_clean() const noexcept {
  const bool is_nearly_full = counters_.window_bytes > limits_.window_bytes / 8 * 7;
  return !dirty_.empty() && (is_full_ || (is_nearly_full && ring_.size() < windows_.size() / 2));
}

}  // namespace fleetgate::dedup
