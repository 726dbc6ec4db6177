#include "protocol/mqtt/in_flight.hpp"

#include <utility>

namespace fleetgate::mqtt {
namespace {

constexpr std::uint32_t smallest_table = 8;

constexpr bool is_qos1(exchange at) noexcept {
  return at == exchange::qos1_unanswered;
}

}  // namespace

// Open addressing with linear probing, kept in Robin Hood order: along a run the homes never go
// back. Clients count their identifiers up, so the identifier itself is the best hash: each stands
// at its home, and a search or an erasure ends at once however many are in flight.
template <class Wanted>
in_flight_set::entry* in_flight_set::find(std::uint16_t packet_id, Wanted wanted) const noexcept {
  if (used_ == 0) return nullptr;
  std::uint32_t walked = 0;
  for (auto i = home(packet_id); slots_[i].packet_id != 0; i = after(i), ++walked) {
    if (slots_[i].packet_id == packet_id && wanted(slots_[i].at)) return &slots_[i];
    if (displacement(i) < walked) return nullptr;
  }
  return nullptr;
}

in_flight_set::entry* in_flight_set::find_qos1(std::uint16_t packet_id) noexcept {
  return find(packet_id, [](exchange at) { return is_qos1(at); });
}

in_flight_set::entry* in_flight_set::find_qos2(std::uint16_t packet_id) noexcept {
  return find(packet_id, [](exchange at) { return !is_qos1(at); });
}

bool in_flight_set::contains(std::uint16_t packet_id) const noexcept {
  return find(packet_id, [](exchange) { return true; }) != nullptr;
}

void in_flight_set::insert(std::uint16_t packet_id, exchange at) {
  if ((used_ + 1) * 4 > capacity_ * 3) grow();
  place({packet_id, 0, at});
  ++used_;
  ++(at == exchange::release_only ? releases_ : messages_);
}

void in_flight_set::repeat(entry& e) noexcept {
  ++e.repeats;
  ++messages_;
}

void in_flight_set::finish(entry& e) noexcept {
  --(e.at == exchange::release_only ? releases_ : messages_);
  if (e.at == exchange::qos2_recorded) --recorded_;
  if (e.repeats != 0) {
    --e.repeats;
    return;
  }
  --used_;
  auto gap = static_cast<std::uint32_t>(&e - slots_.get());
  for (auto i = after(gap); slots_[i].packet_id != 0 && displacement(i) != 0; i = after(i)) {
    slots_[gap] = slots_[i];
    gap = i;
  }
  slots_[gap] = {};
}

void in_flight_set::shrink() noexcept {
  if (used_ != 0) return;
  slots_.reset();
  capacity_ = 0;
}

void in_flight_set::place(entry e) noexcept {
  std::uint32_t walked = 0;
  auto i = home(e.packet_id);
  for (; slots_[i].packet_id != 0; i = after(i), ++walked) {
    const auto theirs = displacement(i);
    if (theirs >= walked) continue;
    std::swap(slots_[i], e);
    walked = theirs;
  }
  slots_[i] = e;
}

void in_flight_set::grow() {
  const auto old_capacity = capacity_;
  auto old = std::exchange(slots_, nullptr);
  capacity_ = old_capacity == 0 ? smallest_table : old_capacity * 2;
  slots_ = std::make_unique<entry[]>(capacity_);
  for (std::uint32_t i = 0; i < old_capacity; ++i) {
    if (old[i].packet_id != 0) place(old[i]);
  }
}

}  // namespace fleetgate::mqtt
