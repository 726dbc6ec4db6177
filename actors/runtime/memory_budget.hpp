// The node's byte budget for messages in memory, one account a traffic class; the token that holds
// a part of it; and a shard's cached credit, so that the hot path touches no shared cache line.
// memory_budget: any thread, lock-free. Limit: given at start ([memory] budget).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "protocol/model/class_shares.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::runtime {

class memory_budget {
 public:
  /// `limit` in bytes. Each class keeps a sixteenth of it for itself.
  explicit memory_budget(std::size_t limit) noexcept
      : shares_{limit, {limit / 16, limit / 16, limit / 16, limit / 16}} {}
  memory_budget(const memory_budget&) = delete;
  memory_budget& operator=(const memory_budget&) = delete;

  /// True where `bytes` were taken for `cls` and at least `left` are left to it; false leaves
  /// everything as it was.
  [[nodiscard]] bool take(model::traffic_class cls, std::size_t bytes,
                          std::size_t left = 0) noexcept {
    const std::size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes + left > shares_.limit_for(cls, used_by_class())) {
      used_.fetch_sub(bytes, std::memory_order_relaxed);
      return false;
    }
    by_class_[model::index(cls)].fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }

  void give_back(model::traffic_class cls, std::size_t bytes) noexcept {
    by_class_[model::index(cls)].fetch_sub(bytes, std::memory_order_relaxed);
    used_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t used(model::traffic_class cls) const noexcept {
    return by_class_[model::index(cls)].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t limit() const noexcept { return shares_.limit; }
  /// Subscribers may only fill the lower half: what waits for them must never hold up the road.
  [[nodiscard]] bool has_room_for_subscribers() const noexcept { return used() < limit() / 2; }
  /// How far the whole may be filled when `cls` asks now.
  [[nodiscard]] std::size_t limit_now(model::traffic_class cls) const noexcept {
    return shares_.limit_for(cls, used_by_class());
  }
  /// How far the whole may be filled when `cls` asks and no other class has anything.
  [[nodiscard]] std::size_t limit_for(model::traffic_class cls) const noexcept {
    return shares_.limit_for(cls);
  }

 private:
  /// A class is added to the whole before it is added here, and taken from here first: what is seen
  /// in between leaves too much to the others, never too little.
  [[nodiscard]] model::class_bytes used_by_class() const noexcept {
    model::class_bytes used;
    for (std::size_t i = 0; i < used.size(); ++i) {
      used[i] = by_class_[i].load(std::memory_order_relaxed);
    }
    return used;
  }

  const model::class_shares shares_;
  std::atomic<std::size_t> used_{0};
  std::array<std::atomic<std::size_t>, model::traffic_class_count> by_class_{};
};

/// Holds bytes of the budget; gives them back when it goes.
class memory_charge {
 public:
  memory_charge() noexcept = default;
  memory_charge(memory_budget& budget, model::traffic_class cls, std::size_t bytes) noexcept
      : budget_(&budget), bytes_(bytes), cls_(cls) {}
  memory_charge(memory_charge&& o) noexcept
      : budget_(o.budget_), bytes_(std::exchange(o.bytes_, 0)), cls_(o.cls_) {}
  memory_charge& operator=(memory_charge&& o) noexcept {
    if (this != &o) {
      reset();
      budget_ = o.budget_;
      bytes_ = std::exchange(o.bytes_, 0);
      cls_ = o.cls_;
    }
    return *this;
  }
  ~memory_charge() { reset(); }

  void reset() noexcept {
    if (bytes_ != 0) budget_->give_back(cls_, std::exchange(bytes_, 0));
  }
  /// At most `bytes` of it, as a charge of their own.
  [[nodiscard]] memory_charge split(std::size_t bytes) noexcept {
    memory_charge part;
    part.budget_ = budget_;
    part.cls_ = cls_;
    part.bytes_ = bytes < bytes_ ? bytes : bytes_;
    bytes_ -= part.bytes_;
    return part;
  }
  /// `other` is of the same budget and class, or one of them is empty.
  void add(memory_charge other) noexcept {
    if (bytes_ == 0) return *this = std::move(other), void();
    bytes_ += std::exchange(other.bytes_, 0);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  memory_budget* budget_ = nullptr;
  std::size_t bytes_ = 0;
  model::traffic_class cls_ = model::traffic_class::telemetry;
};

/// One shard's credit with the budget, taken in blocks. One thread.
class memory_credit {
 public:
  static constexpr std::size_t block_bytes = 64 * 1024;

  explicit memory_credit(memory_budget& budget) noexcept : budget_(budget) {}
  memory_credit(const memory_credit&) = delete;
  memory_credit& operator=(const memory_credit&) = delete;
  ~memory_credit() { trim(); }

  /// True where `bytes` of `cls` were set aside; they are handed on by `collect`.
  [[nodiscard]] bool take(model::traffic_class cls, std::size_t bytes) noexcept {
    account& a = accounts_[model::index(cls)];
    if (a.free < bytes) {
      const std::size_t more = bytes - a.free > block_bytes ? bytes - a.free : block_bytes;
      if (!budget_.take(cls, more, left_by(cls))) return false;
      a.free += more;
    }
    a.free -= bytes;
    a.spent += bytes;
    return true;
  }

  /// Everything taken for `cls` since the last call, as a token for the batch that carries it.
  [[nodiscard]] memory_charge collect(model::traffic_class cls) noexcept {
    return {budget_, cls, std::exchange(accounts_[model::index(cls)].spent, 0)};
  }

  /// Gives what is set aside but not taken back to the budget.
  void trim() noexcept {
    for (const auto cls : model::all_traffic_classes) {
      if (auto& free = accounts_[model::index(cls)].free; free != 0) {
        budget_.give_back(cls, std::exchange(free, 0));
      }
    }
  }

 private:
  struct account {
    std::size_t free = 0;
    std::size_t spent = 0;
  };
  /// Packets that have not come in whole are telemetry until their class is known. Where many
  /// messages wait they find a sixteenth: else who sends a large one would have to be sent away.
  [[nodiscard]] std::size_t left_by(model::traffic_class cls) const noexcept {
    const std::size_t part = budget_.limit() / 16;
    return cls == model::traffic_class::telemetry && budget_.used(cls) > part ? part : 0;
  }

  memory_budget& budget_;
  std::array<account, model::traffic_class_count> accounts_{};
};

}  // namespace fleetgate::runtime
