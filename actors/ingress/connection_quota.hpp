// How many connections there may be at once: of one listener, within what all of them may have.
// Owned by the node, asked by every shard. Any thread, lock-free. Limit: given at start.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

namespace fleetgate::ingress {

class connection_quota;

/// Of one connection. Gives itself back.
class connection_place {
 public:
  connection_place() = default;
  connection_place(connection_place&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  connection_place& operator=(connection_place&& other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  ~connection_place();

 private:
  friend class connection_quota;
  explicit connection_place(connection_quota& of) noexcept : of_(&of) {}

  connection_quota* of_ = nullptr;
};

class connection_quota {
 public:
  explicit connection_quota(std::size_t most, connection_quota* all = nullptr) noexcept
      : most_(most), all_(all) {}
  connection_quota(const connection_quota&) = delete;
  connection_quota& operator=(const connection_quota&) = delete;

  /// Nothing where there are too many. Exact, whoever asks at the same time.
  [[nodiscard]] std::optional<connection_place> take() noexcept {
    if (!count()) return std::nullopt;
    if (all_ != nullptr && !all_->count()) {
      --open_;
      return std::nullopt;
    }
    return connection_place(*this);
  }

 private:
  friend class connection_place;

  bool count() noexcept {
    std::size_t open = open_.load();
    do {
      if (open >= most_) return false;
    } while (!open_.compare_exchange_weak(open, open + 1));
    return true;
  }
  void give_back() noexcept {
    --open_;
    if (all_ != nullptr) --all_->open_;
  }

  const std::size_t most_;
  connection_quota* const all_;
  std::atomic<std::size_t> open_{0};
};

inline connection_place::~connection_place() {
  if (of_ != nullptr) of_->give_back();
}

}  // namespace fleetgate::ingress
