// Promises T18 and T20: whatever the power, the disk and the process do, what was acknowledged is
// there, once. FLEETGATE_SEEDS: how many; FLEETGATE_SEED: that one alone.
#include <iostream>

#include "tests/sim/sim_world.hpp"

namespace fleetgate::sim {
namespace {

constexpr std::uint64_t seeds_in_ci = 40;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string how_to_repeat(std::uint64_t seed) {
  return "repeat: FLEETGATE_SEED=" + std::to_string(seed) +
         " test_sim --gtest_filter='power.what_was_acknowledged*'";
}

TEST(power, what_was_acknowledged_is_there_once_whatever_fails) {
  const std::uint64_t only = number_from("FLEETGATE_SEED", 0);
  const std::uint64_t count = only != 0 ? 1 : number_from("FLEETGATE_SEEDS", seeds_in_ci);
  const std::uint64_t first = only != 0 ? only : 1;
  trouble_counts seeds_with{};
  verdict sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const verdict v = sim_world(seed).run();
    for (const std::string& what : v.violations)
      ADD_FAILURE() << what << "\n" << how_to_repeat(seed);
    for (std::size_t t = 0; t < troubles; ++t) seeds_with[t] += v.met[t] != 0 ? 1 : 0;
    sum.acknowledged += v.acknowledged;
    sum.lost += v.lost;
    sum.duplicates += v.duplicates;
    sum.rows += v.rows;
    sum.gaps += v.gaps;
    sum.resends += v.resends;
    sum.refusals += v.refusals;
  }
  std::cout << count << " seeds: " << sum.acknowledged << " acknowledged, " << sum.lost << " lost, "
            << sum.rows << " rows, " << sum.duplicates << " duplicates, " << sum.resends
            << " resends, " << sum.refusals << " refusals, " << sum.gaps << " counted as damaged\n";
  if (only != 0) return;
  for (std::size_t t = 0; t < troubles; ++t) {
    std::cout << "  " << trouble_names[t] << ": in " << seeds_with[t] << " seeds\n";
    EXPECT_GE(seeds_with[t], count / 10) << trouble_names[t] << " is too rare";
  }
  EXPECT_GT(sum.acknowledged, count * 50);
  EXPECT_GT(sum.resends, count);
}

class planted : public ::testing::TestWithParam<planted_bug> {};

TEST_P(planted, bug_is_found) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    if (!sim_world(seed, GetParam()).run().violations.empty()) {
      RecordProperty("seed", static_cast<int>(seed));
      return;
    }
  }
  FAIL() << "no seed shows it";
}

INSTANTIATE_TEST_SUITE_P(power, planted,
                         ::testing::Values(planted_bug::acknowledges_before_sync,
                                           planted_bug::reports_progress_before_commit,
                                           planted_bug::trusts_a_snapshot_before_it_is_stored));

}  // namespace
}  // namespace fleetgate::sim
