// Counts every allocation of the process. AddressSanitizer brings its own operators, so there the
// test is left out.
#include <gtest/gtest.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include "tests/actors/parse/parse_fixture.hpp"
#include "tests/counted_allocations.hpp"

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

  const std::size_t before = counted::allocations;
  for (int i = 0; i < 100; ++i) {
    small.rule = r.rules().match(topic).rule;
    r.brain().parse(small, out);
    r.brain().parse(broken, out);
    r.brain().parse(first, out);
  }
  EXPECT_EQ(counted::allocations - before, 0u);
  EXPECT_EQ(out.sequence, 1u);
}

}  // namespace
}  // namespace fleetgate::parse

#endif
