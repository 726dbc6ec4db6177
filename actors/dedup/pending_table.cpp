#include "actors/dedup/pending_table.hpp"

#include <algorithm>

namespace fleetgate::dedup {
namespace {

constexpr std::size_t smallest = 1024;

}  // namespace

std::uint64_t pending_table::hash_of(const window* where, std::uint64_t epoch,
                                     std::uint64_t sequence) noexcept {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;
  std::uint64_t h = (where->hash() ^ sequence) * odd;
  h = (h ^ h >> 32 ^ epoch) * odd;
  return h ^ h >> 29;
}

std::uint32_t pending_table::add(const pending& entry) {
  const std::uint32_t slot = add_recovered(entry);
  place_ticket(slot);
  return slot;
}

std::uint32_t pending_table::add_recovered(const pending& entry) {
  std::uint32_t slot = free_;
  if (slot != no_slot) {
    free_ = nodes_[slot].next;
  } else {
    slot = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  }
  nodes_[slot].entry = entry;
  ++size_;
  return slot;
}

void pending_table::index(std::uint32_t slot, window& where) {
  if (size_ > buckets_.size()) grow_buckets();
  node& n = nodes_[slot];
  n.entry.where = &where;
  n.hash = hash_of(&where, n.entry.epoch, n.entry.sequence);
  ++where.pending;
  link(slot);
}

void pending_table::place_ticket(std::uint32_t slot) {
  if (next_ticket_ - base_ticket_ >= ring_.size()) make_room_in_ring();
  nodes_[slot].entry.ticket = next_ticket_;
  ring_[next_ticket_ & (ring_.size() - 1)] = slot;
  ++next_ticket_;
}

/// A few tickets that wait for long (level committed, while a sink is away) must not make the ring
/// grow with everything that is settled behind them: they move aside.
void pending_table::make_room_in_ring() {
  const std::uint64_t mask = ring_.size() - 1;
  while (ring_.size() >= smallest && ring_.size() > 4 * size_ && base_ticket_ < next_ticket_) {
    const std::uint32_t slot = ring_[base_ticket_ & mask];
    if (slot != no_slot) late_.emplace(base_ticket_, slot);
    ++base_ticket_;
    pop_settled();
    if (next_ticket_ - base_ticket_ < ring_.size() / 2) return;
  }
  if (next_ticket_ - base_ticket_ < ring_.size()) return;
  std::vector<std::uint32_t> larger(std::max(smallest, ring_.size() * 2), no_slot);
  for (std::uint64_t t = base_ticket_; t < next_ticket_; ++t) {
    larger[t & (larger.size() - 1)] = ring_[t & mask];
  }
  ring_ = std::move(larger);
}

std::uint32_t pending_table::find_ticket(std::uint64_t ticket) const noexcept {
  if (ticket >= base_ticket_) {
    return ticket < next_ticket_ ? ring_[ticket & (ring_.size() - 1)] : no_slot;
  }
  const auto late = late_.find(ticket);
  return late == late_.end() ? no_slot : late->second;
}

std::uint32_t pending_table::find(const window* where, std::uint64_t epoch, std::uint64_t sequence,
                                  bool promised) const noexcept {
  if (buckets_.empty() || where->pending == 0) return no_slot;
  const std::uint64_t hash = hash_of(where, epoch, sequence);
  std::uint32_t slot = buckets_[hash & (buckets_.size() - 1)];
  for (; slot != no_slot; slot = nodes_[slot].next) {
    const pending& p = nodes_[slot].entry;
    if (nodes_[slot].hash == hash && p.where == where && p.epoch == epoch &&
        p.sequence == sequence && (p.promised || !promised)) {
      break;
    }
  }
  return slot;
}

void pending_table::remove(std::uint32_t slot) {
  node& n = nodes_[slot];
  if (n.entry.where != nullptr) {
    unlink(slot);
    --n.entry.where->pending;
  }
  if (n.entry.ticket >= base_ticket_) {
    ring_[n.entry.ticket & (ring_.size() - 1)] = no_slot;
    pop_settled();
  } else if (n.entry.ticket != 0) {
    late_.erase(n.entry.ticket);
  }
  n.entry.where = nullptr;  // all else is written anew by the next who takes the slot
  n.next = free_;
  free_ = slot;
  --size_;
}

void pending_table::pop_settled() noexcept {
  while (base_ticket_ < next_ticket_ && ring_[base_ticket_ & (ring_.size() - 1)] == no_slot) {
    ++base_ticket_;
  }
}

std::vector<waiter> pending_table::take_waiters(std::uint32_t slot) {
  if (waiters_.empty()) return {};
  auto found = waiters_.extract(slot);
  return found ? std::move(found.mapped()) : std::vector<waiter>{};
}

std::optional<std::uint64_t> pending_table::oldest_floor() const noexcept {
  if (!late_.empty()) return nodes_[late_.begin()->second].entry.floor_lsn;
  if (base_ticket_ == next_ticket_) return std::nullopt;
  return nodes_[ring_[base_ticket_ & (ring_.size() - 1)]].entry.floor_lsn;
}

void pending_table::link(std::uint32_t slot) noexcept {
  node& n = nodes_[slot];
  std::uint32_t& head = buckets_[n.hash & (buckets_.size() - 1)];
  n.next = head;
  n.previous = no_slot;
  if (head != no_slot) nodes_[head].previous = slot;
  head = slot;
}

void pending_table::unlink(std::uint32_t slot) noexcept {
  const node& n = nodes_[slot];
  if (n.next != no_slot) nodes_[n.next].previous = n.previous;
  if (n.previous != no_slot) {
    nodes_[n.previous].next = n.next;
  } else {
    buckets_[n.hash & (buckets_.size() - 1)] = n.next;
  }
}

void pending_table::grow_buckets() {
  buckets_.assign(std::max(smallest, buckets_.size() * 2), no_slot);
  for (std::uint32_t slot = 0; slot < nodes_.size(); ++slot) {
    if (nodes_[slot].entry.where != nullptr) link(slot);
  }
}

}  // namespace fleetgate::dedup
