// Promise T21: the sink's database is deleted under it; the spool is wiped and the database kept.
#include "tests/sim/sim_world.hpp"

namespace fleetgate::sim {
namespace {

class lost_files : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  std::set<std::string> acknowledged() {
    std::set<std::string> found;
    for (const auto& [payload, m] : world.fleet().sent()) {
      if (m.acknowledged) found.insert(payload);
    }
    return found;
  }
  void erase(const std::string& part) {
    for (const std::string& path : world.disk().paths(part)) world.disk().erase(path);
  }

  sim_world world{GetParam()};
};

TEST_P(lost_files, database_deleted_under_the_sink_is_noticed_and_nothing_more_is_missing) {
  world.bring_up();
  world.act(150);
  const auto delivered = world.rows();
  ASSERT_FALSE(delivered.empty());
  erase("/sink/");
  world.act(50);
  world.drain();
  ASSERT_TRUE(world.node().last_sink_fault());
  EXPECT_EQ(world.node().last_sink_fault()->code, fault_code::sink_lost);
  const auto now = world.rows();
  for (const std::string& payload : acknowledged()) {
    EXPECT_TRUE(delivered.count(payload) != 0 || now.count(payload) != 0)
        << payload.substr(0, 12) << " was not delivered";
  }
  EXPECT_TRUE(world.finish().violations.empty()) << world.finish().violations.front();
}

TEST_P(lost_files, database_that_knows_another_spool_stops_its_sink_and_stays_as_it_is) {
  world.bring_up();
  world.act(150);
  const auto delivered = world.rows();
  ASSERT_FALSE(delivered.empty());
  world.end_process(true);
  erase("/data/spool/");
  const auto before = world.fleet().sent();
  const auto up = world.start();
  ASSERT_TRUE(up) << to_string(up.error());
  world.open_sink();
  ASSERT_TRUE(world.node().sink().is_stopped());
  EXPECT_EQ(world.node().last_sink_fault()->code, fault_code::foreign_spool);
  world.act(100);
  EXPECT_TRUE(world.node().sink().is_stopped());
  EXPECT_EQ(world.rows(), delivered);
  const auto kept = world.readable({});
  std::uint64_t taken = 0;
  for (const auto& [payload, m] : world.fleet().sent()) {
    if (!m.acknowledged || before.count(payload) != 0) continue;
    ++taken;
    EXPECT_NE(m.level, ack_level::committed) << payload.substr(0, 12) << " is nowhere committed";
    EXPECT_EQ(kept.count(payload), 1U) << payload.substr(0, 12) << " was skipped";
  }
  EXPECT_GT(taken, 10U);
}

INSTANTIATE_TEST_SUITE_P(seeds, lost_files, ::testing::Range(std::uint64_t{1}, std::uint64_t{11}));

}  // namespace
}  // namespace fleetgate::sim
