// The connections of one shard by slot, so that a receipt finds its connection without a search.
// One thread. Limit: given at start; the slots of closed connections are reused.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "actors/runtime/actor_ptr.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::ingress {

/// `Connection` is an intrusively counted actor.
template <class Connection>
class connection_table {
 public:
  using pointer = runtime::actor_ptr<Connection>;

  explicit connection_table(std::uint16_t shard) noexcept : shard_(shard) {}

  /// A free slot; `put` fills it.
  model::connection_ref reserve() {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(entries_.size()));
      entries_.emplace_back();
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    entries_[slot].generation = ++last_generation_;
    ++size_;
    return {slot, shard_, last_generation_};
  }
  void put(const model::connection_ref& at, pointer c) { entries_[at.slot].who = std::move(c); }

  /// Null where that connection has gone.
  [[nodiscard]] Connection* find(std::uint32_t slot, std::uint64_t generation) const noexcept {
    if (slot >= entries_.size() || entries_[slot].generation != generation) return nullptr;
    return entries_[slot].who.get();
  }

  void remove(const model::connection_ref& at) {
    entry& e = entries_[at.slot];
    if (e.generation != at.generation) return;
    e = {};
    free_.push_back(at.slot);
    --size_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Calls `visit` for slots from `slot` on, at most `most` of them, until it returns false. The
  /// slot to go on at; nothing where the table is at its end.
  template <class Visit>
  std::optional<std::uint32_t> visit_from(std::uint32_t slot, std::size_t most,
                                          Visit&& visit) const {
    for (; slot < entries_.size(); ++slot) {
      if (most-- == 0) return slot;
      if (entries_[slot].who && !visit(*entries_[slot].who)) return slot + 1;
    }
    return std::nullopt;
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const entry& e : entries_) {
      if (e.who) visit(*e.who);
    }
  }

 private:
  struct entry {
    pointer who;
    std::uint64_t generation = 0;
  };
  const std::uint16_t shard_;
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_;
  std::uint64_t last_generation_ = 0;
  std::size_t size_ = 0;
};

}  // namespace fleetgate::ingress
