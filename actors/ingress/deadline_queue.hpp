// When which connection wants to be looked at. One entry a connection; an entry whose deadline has
// moved on (each packet moves a keep alive) is put back when it comes up. One thread. Limit: the
// connections of the shard.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace fleetgate::ingress {

class deadline_queue {
 public:
  struct entry {
    std::uint64_t at_ns;
    std::uint32_t slot;
    std::uint64_t generation;
  };

  void push(const entry& e) { heap_.push(e); }

  /// The earliest entry that is due, removed; nothing where none is.
  std::optional<entry> pop_due(std::uint64_t now_ns) {
    if (heap_.empty() || heap_.top().at_ns > now_ns) return std::nullopt;
    const entry e = heap_.top();
    heap_.pop();
    return e;
  }

  [[nodiscard]] std::optional<std::uint64_t> next_ns() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.top().at_ns;
  }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

 private:
  struct later {
    bool operator()(const entry& a, const entry& b) const noexcept { return a.at_ns > b.at_ns; }
  };
  std::priority_queue<entry, std::vector<entry>, later> heap_;
};

}  // namespace fleetgate::ingress
