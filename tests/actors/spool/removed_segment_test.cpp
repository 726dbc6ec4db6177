// What a reader sees of segments that the spool removes.
#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

class removed_segment : public spool_fixture {};

TEST_F(removed_segment, is_shed_and_never_damage_whenever_it_goes) {
  for (const bool is_gone : {false, true}) {
    SCOPED_TRACE(is_gone);
    files = {};
    fates.clear();
    options = options_with(256 * 1024, 8 * 1024);
    open();
    ASSERT_TRUE(brain->register_reader("slow", false, {}));
    auto reader = make_reader(files, brain->view());
    std::string goes;
    seen s;
    std::uint64_t durable = 0;
    // A look just before a segment's file goes, which fails; and one just after.
    files.before = [&](disk_op op, const std::string& path) -> std::optional<fault_code> {
      if (is_gone && op == disk_op::open && path == goes) return fault_code::not_found;
      if (op != disk_op::remove || !goes.empty()) return std::nullopt;
      goes = path;
      s = drain(*reader);
      durable = brain->view()->durable_ordinal(lane::telemetry_owed);
      if (is_gone) return std::nullopt;
      return fault_code::storage_io;
    };
    for (std::uint64_t n = 1; goes.empty() && n <= 4000; ++n) {
      append(n);
      commit();
      brain->set_snapshot_floor(brain->last_lsn());
    }
    EXPECT_EQ(s.damaged, 0U);
    EXPECT_EQ(s.shed != 0, is_gone);
    EXPECT_EQ(s.shed + s.numbers.size(), durable);
    EXPECT_GT(durable, 100U);
    files.before = nullptr;
  }
}

TEST_F(removed_segment, is_not_kept_open) {
  open();
  ASSERT_TRUE(brain->register_reader("sink", true, {}));
  for (std::uint64_t n = 1; n <= 500; ++n) append(n);
  commit();
  auto reader = make_reader(files, brain->view());
  const auto end = drain(*reader).end;
  const std::string path = files.paths("/telemetry/").front();
  EXPECT_EQ(files.open_files(path), 2U) << "it is written to, too";
  brain->set_snapshot_floor(brain->last_lsn());
  advance("sink", end);
  ASSERT_TRUE(files.paths("/telemetry/").empty());
  EXPECT_TRUE(drain(*reader).numbers.empty());
  EXPECT_EQ(files.open_files(path), 0U);
}

}  // namespace
}  // namespace fleetgate::spool::testing
