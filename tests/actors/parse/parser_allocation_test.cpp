// Counts every allocation of the process. AddressSanitizer brings its own operators, so there the
// test is left out.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/actors/parse/parse_fixture.hpp"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {
std::atomic<std::size_t> allocations{0};

void* counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete[](void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  std::free(p);
}

namespace fleetgate::parse {
namespace {

TEST(parser_allocation, json_costs_none_once_the_largest_payload_has_been_seen) {
  one_rule r(with_paths());
  const std::string large = R"({"seq":1,"pad":")" + std::string(5000, 'x') + "\"}";
  const auto first = r.message(large);
  auto small = r.message(R"({"seq":2,"boot":"b-\u00e9","ts":"2023-11-14T22:13:20Z","a":[1,{}]})");
  const auto broken = r.message(R"({"seq":2,"a":[1,{)");
  const auto topic = std::string("devices/d1/t");
  model::envelope out;
  r.brain().parse(first, out);

  const std::size_t before = allocations.load();
  for (int i = 0; i < 100; ++i) {
    small.rule = r.rules().match(topic).rule;
    r.brain().parse(small, out);
    r.brain().parse(broken, out);
    r.brain().parse(first, out);
  }
  EXPECT_EQ(allocations.load() - before, 0u);
  EXPECT_EQ(out.sequence, 1u);
}

}  // namespace
}  // namespace fleetgate::parse

#endif
