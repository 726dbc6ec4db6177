// The program's operator new and delete, which count and fail on demand. For one file of a program.
// AddressSanitizer and ThreadSanitizer bring their own, and lose sight of what these give.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace fleetgate::counted {

/// Allocations that this thread made.
inline thread_local std::size_t allocations = 0;
/// The next but so many fails, counted down; 0: none.
inline thread_local std::size_t fails_at = 0;

}  // namespace fleetgate::counted

// Never inlined: the compiler must not see through a pair of them.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  using namespace fleetgate::counted;
  ++allocations;
  if (fails_at != 0 && --fails_at == 0) throw std::bad_alloc();
  if (void* const p = std::malloc(bytes)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
