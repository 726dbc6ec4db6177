// When which connection wants to be looked at. One entry a connection; an entry whose deadline has
// moved on (each packet moves a keep alive) is put back when it comes up. One thread. Limit: the
// connections of the shard.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace fleetgate::ingress {

class deadline_queue {
 public:
  struct entry {
    std::uint64_t at_ns;
    std::uint32_t slot;
    std::uint64_t generation;
  };

  void push(const entry& e) {
    heap_.push_back(e);
    std::push_heap(heap_.begin(), heap_.end(), later{});
  }

  /// The earliest entry that is due, removed; nothing where none is.
  std::optional<entry> pop_due(std::uint64_t now_ns) {
    if (heap_.empty() || heap_.front().at_ns > now_ns) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), later{});
    const entry e = heap_.back();
    heap_.pop_back();
    return e;
  }

  [[nodiscard]] std::optional<std::uint64_t> next_ns() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().at_ns;
  }
  /// Drops all but those that `wanted(entry)`. A closed connection's entry would stay until it is
  /// due, a day later for a long keep alive.
  template <class Wanted>
  void keep(Wanted&& wanted) {
    heap_.erase(
        std::remove_if(heap_.begin(), heap_.end(), [&](const entry& e) { return !wanted(e); }),
        heap_.end());
    std::make_heap(heap_.begin(), heap_.end(), later{});
  }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

 private:
  struct later {
    bool operator()(const entry& a, const entry& b) const noexcept { return a.at_ns > b.at_ns; }
  };
  std::vector<entry> heap_;
};

}  // namespace fleetgate::ingress
