// A mapped file may lose what lies behind it: somebody truncates it, or its disk does not give a
// page back. The next touch would end the process (SIGBUS). In the place of a guarded mapping comes
// memory of this process instead, all zeroes, and the guard says so. Any thread; the table behind
// it is the process's, as its signals are. Limit: most_guards; a mapping beyond them has none.
#pragma once

#include <cstddef>
#include <utility>

namespace fleetgate::runtime {

inline constexpr std::size_t most_guards = 1024;

class mapped_guard {
 public:
  /// Guards nothing.
  mapped_guard() noexcept = default;
  /// Of `bytes` at `first`, as mmap gave them. To be gone before they are unmapped.
  mapped_guard(void* first, std::size_t bytes) noexcept;
  mapped_guard(mapped_guard&& from) noexcept : place_(std::exchange(from.place_, nullptr)) {}
  mapped_guard& operator=(mapped_guard&& from) noexcept;
  ~mapped_guard() { release(); }

  /// What is written there from then on nobody finds.
  [[nodiscard]] bool is_lost() const noexcept;
  /// How many of all mappings that are guarded now.
  [[nodiscard]] static std::size_t count_lost() noexcept;

  struct place;

 private:
  void release() noexcept;

  place* place_ = nullptr;
};

}  // namespace fleetgate::runtime
