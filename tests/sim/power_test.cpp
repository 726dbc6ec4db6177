// Promises T18 and T20: whatever the power, the disk and the process do, what was acknowledged is
// there, once. FLEETGATE_SEEDS: how many; FLEETGATE_SEED: that one alone.
#include <iostream>

#include "tests/sim/seeds.hpp"
#include "tests/sim/sim_world.hpp"

namespace fleetgate::sim {
namespace {

TEST(power, what_was_acknowledged_is_there_once_whatever_fails) {
  const auto seeds = seeds_to_run(40);
  const std::uint64_t count = seeds.size();
  trouble_counts seeds_with{};
  verdict sum;
  for (const std::uint64_t seed : seeds) {
    const verdict v = sim_world(seed).run();
    for (const std::string& what : v.violations)
      ADD_FAILURE() << what << "\n" << how_to_repeat("power.what*", seed);
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
  if (count == 1) return;
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

std::string name_of(const ::testing::TestParamInfo<planted_bug>& bug) {
  switch (bug.param) {
    case planted_bug::none:
      break;
    case planted_bug::acknowledges_before_sync:
      return "acknowledges_before_sync";
    case planted_bug::reports_progress_before_commit:
      return "reports_progress_before_commit";
    case planted_bug::trusts_a_snapshot_before_it_is_stored:
      return "trusts_a_snapshot_before_it_is_stored";
    case planted_bug::loses_count_of_a_mark:
      return "loses_count_of_a_mark";
  }
  return "none";
}

INSTANTIATE_TEST_SUITE_P(power, planted,
                         ::testing::Values(planted_bug::acknowledges_before_sync,
                                           planted_bug::reports_progress_before_commit,
                                           planted_bug::trusts_a_snapshot_before_it_is_stored,
                                           planted_bug::loses_count_of_a_mark),
                         name_of);

}  // namespace
}  // namespace fleetgate::sim
