#include "deploy/fleetsim/range_set.hpp"

#include <algorithm>
#include <cassert>

namespace fleetgate::fleetsim {

std::size_t range_set::above(std::uint64_t number) const noexcept {
  // What is added mostly follows the newest range.
  if (ranges_.empty() || ranges_.back().first <= number) return ranges_.size();
  const auto it = std::upper_bound(
      ranges_.begin(), ranges_.end(), number,
      [](std::uint64_t wanted, const range& in_order) { return wanted < in_order.first; });
  return static_cast<std::size_t>(it - ranges_.begin());
}

bool range_set::contains(std::uint64_t number) const noexcept {
  const std::size_t next = above(number);
  return next > 0 && ranges_[next - 1].last >= number;
}

bool range_set::insert(std::uint64_t number) {
  if (contains(number)) return false;
  insert_new(number, number);
  return true;
}

void range_set::insert_new(std::uint64_t first, std::uint64_t last) {
  assert(first <= last);
  const std::size_t next = above(first);
  const auto offset = static_cast<std::ptrdiff_t>(next);
  const bool joins_before = next > 0 && ranges_[next - 1].last + 1 == first;
  const bool joins_after = next < ranges_.size() && ranges_[next].first == last + 1;
  count_ += last - first + 1;
  if (joins_before && joins_after) {
    ranges_[next - 1].last = ranges_[next].last;
    ranges_.erase(ranges_.begin() + offset);
  } else if (joins_before) {
    ranges_[next - 1].last = last;
  } else if (joins_after) {
    ranges_[next].first = first;
  } else {
    ranges_.insert(ranges_.begin() + offset, {first, last});
  }
}

std::uint64_t range_set::take_lowest() {
  assert(!empty());
  range& lowest = ranges_.front();
  const std::uint64_t taken = lowest.first;
  --count_;
  if (lowest.first == lowest.last) {
    ranges_.erase(ranges_.begin());
  } else {
    ++lowest.first;
  }
  return taken;
}

std::uint64_t range_set::take_highest() {
  assert(!empty());
  range& highest = ranges_.back();
  const std::uint64_t taken = highest.last;
  --count_;
  if (highest.first == highest.last) {
    ranges_.pop_back();
  } else {
    --highest.last;
  }
  return taken;
}

}  // namespace fleetgate::fleetsim
