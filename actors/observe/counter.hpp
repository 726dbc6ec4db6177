// The cells that hot paths count in: one writer thread per cell, any number of reading threads.
// A cell is a plain load and store (no locked instruction), so a second writer would lose counts.
// Structs of cells are aligned to a cache line (probes.hpp), so that no two writers share one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fleetgate::observe {

inline constexpr std::size_t cache_line_bytes = 64;

/// Only ever grows.
class counter {
 public:
  counter() = default;
  counter(const counter&) = delete;
  counter& operator=(const counter&) = delete;

  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  counter& operator++() noexcept {
    add();
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down.
class gauge {
 public:
  gauge() = default;
  gauge(const gauge&) = delete;
  gauge& operator=(const gauge&) = delete;

  void set(std::int64_t v) noexcept { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t n) noexcept { set(value() + n); }
  gauge& operator++() noexcept {
    add(1);
    return *this;
  }
  gauge& operator--() noexcept {
    add(-1);
    return *this;
  }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// One `Cell` for each value of a closed enum (0 to Size - 1), e.g. one counter a fault.
template <class Enum, std::size_t Size, class Cell>
class cells {
 public:
  static constexpr std::size_t size = Size;

  Cell& operator[](Enum e) noexcept { return cells_[static_cast<std::size_t>(e)]; }
  const Cell& operator[](Enum e) const noexcept { return cells_[static_cast<std::size_t>(e)]; }

 private:
  std::array<Cell, Size> cells_{};
};

}  // namespace fleetgate::observe
