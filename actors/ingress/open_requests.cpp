#include "actors/ingress/open_requests.hpp"

#include <utility>

namespace fleetgate::ingress {

model::connection_ref open_requests::open(std::uint32_t count, answer then) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  const std::uint32_t place = free_.back();
  free_.pop_back();
  entry& e = entries_[place];
  e.generation = ++last_generation_;
  e.left = count;
  e.fates.assign(count, {});
  e.known.assign(count, false);
  e.then = std::move(then);
  ++size_;
  return {first_slot + place, shard_, e.generation};
}

open_requests::entry* open_requests::find(std::uint32_t slot, std::uint64_t generation) noexcept {
  if (!has(slot, generation)) return nullptr;
  return &entries_[slot - first_slot];
}

bool open_requests::has(std::uint32_t slot, std::uint64_t generation) const noexcept {
  return slot >= first_slot && slot - first_slot < entries_.size() && generation != 0 &&
         entries_[slot - first_slot].generation == generation;
}

void open_requests::note_level(const model::connection_ref& of, std::uint32_t index,
                               model::ack_level level) {
  entry* const e = find(of.slot, of.generation);
  if (e != nullptr && index < e->fates.size()) e->fates[index].level = level;
}

void open_requests::settle(const model::connection_ref& of, std::uint32_t index,
                           model::outcome result, fault_code why) {
  entry* const e = find(of.slot, of.generation);
  if (e == nullptr || index >= e->fates.size() || e->known[index]) return;
  // Who sent the same message over another connection waits for it now: sent again, it is known.
  const bool superseded = result == model::outcome::superseded;
  e->fates[index].result = superseded ? model::outcome::refused : result;
  e->fates[index].fault = superseded ? fault_code::server_busy : why;
  e->known[index] = true;
  if (--e->left == 0) close(of.slot);
}

void open_requests::expire(std::uint32_t slot, std::uint64_t generation) {
  if (has(slot, generation)) close(slot);
}

void open_requests::close(std::uint32_t slot) {
  const std::uint32_t place = slot - first_slot;
  entry gone = std::exchange(entries_[place], {});
  free_.push_back(place);
  --size_;
  gone.then(std::move(gone.fates));
}

}  // namespace fleetgate::ingress
