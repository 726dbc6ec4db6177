#include "deploy/fleetsim/payload.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace fleetgate::fleetsim {
namespace {

std::string payload(std::uint64_t seed, std::size_t bytes, std::uint32_t device, std::uint32_t boot,
                    std::uint64_t sequence) {
  std::string out;
  payload_writer(seed, bytes).append("sim-3", device, boot, sequence, out);
  return out;
}

TEST(payload, it_is_json_that_carries_sequence_and_boot) {
  const auto j = nlohmann::json::parse(payload(1, 256, 3, 7, 18'446'744'073'709'551'615U));
  EXPECT_EQ(j["device"], "sim-3");
  EXPECT_EQ(j["boot"], 7);
  EXPECT_EQ(j["seq"], 18'446'744'073'709'551'615U);
  EXPECT_TRUE(j["value"].is_number());
}

TEST(payload, it_has_exactly_the_size_asked_for_where_that_holds_it) {
  for (const std::size_t bytes : {100U, 256U, 4096U}) {
    for (const std::uint64_t sequence : {1ULL, 1'000'000'007ULL}) {
      EXPECT_EQ(payload(1, bytes, 3, 1, sequence).size(), bytes);
    }
  }
  EXPECT_EQ(nlohmann::json::parse(payload(1, 0, 3, 1, 5)).size(), 4U) << "no padding";
}

TEST(payload, the_same_seed_says_the_same_and_another_seed_something_else) {
  EXPECT_EQ(payload(1, 256, 3, 1, 5), payload(1, 256, 3, 1, 5));
  EXPECT_NE(payload(1, 256, 3, 1, 5), payload(2, 256, 3, 1, 5));
  EXPECT_NE(payload(1, 256, 3, 1, 5).substr(40), payload(1, 256, 3, 1, 6).substr(40));
}

TEST(payload, none_is_longer_than_it_says) {
  const std::string name(200, 'n');
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{100}, std::size_t{1000}}) {
    std::string out;
    payload_writer(1, bytes).append(name, ~0U, ~0U, ~std::uint64_t{0}, out);
    EXPECT_LE(out.size(), payload_writer::longest(bytes, name.size()));
  }
}

}  // namespace
}  // namespace fleetgate::fleetsim
