#include "actors/observe/counter.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "actors/observe/probes.hpp"

namespace fleetgate::observe {
namespace {

TEST(counter, adds_what_it_is_told) {
  counter c;
  ++c;
  c.add(41);
  EXPECT_EQ(c.value(), 42u);
}

TEST(counter, a_reader_on_another_thread_never_sees_it_go_back) {
  counter c;
  constexpr std::uint64_t last = 200'000;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < last; ++i) ++c;
  });
  std::uint64_t seen = 0;
  bool went_back = false;
  while (seen < last) {
    const std::uint64_t now = c.value();
    went_back = went_back || now < seen;
    seen = now;
  }
  writer.join();
  EXPECT_FALSE(went_back);
}

TEST(gauge, goes_up_and_down_and_below_zero) {
  gauge g;
  g.set(5);
  ++g;
  --g;
  --g;
  EXPECT_EQ(g.value(), 4);
  g.add(-10);
  EXPECT_EQ(g.value(), -6);
}

TEST(cells, each_enumerator_has_its_own) {
  per_fault faults;
  for (std::size_t i = 0; i < fault_count; ++i) faults[static_cast<fault_code>(i)].add(i);
  for (std::size_t i = 0; i < fault_count; ++i) {
    EXPECT_EQ(faults[static_cast<fault_code>(i)].value(), i);
  }
}

TEST(probes, two_owners_never_share_a_cache_line) {
  const auto probes = std::make_unique<parse_probe[]>(2);
  const auto first = reinterpret_cast<std::uintptr_t>(&probes[0]);
  EXPECT_EQ(first % cache_line_bytes, 0u);
  EXPECT_EQ(sizeof(parse_probe) % cache_line_bytes, 0u);
  EXPECT_EQ(alignof(ingress_probe), cache_line_bytes);
  EXPECT_EQ(alignof(journal_probe), cache_line_bytes);
  EXPECT_EQ(alignof(sink_probe), cache_line_bytes);
}

}  // namespace
}  // namespace fleetgate::observe
