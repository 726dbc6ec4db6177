#include "actors/sink/sqlite_lookup.hpp"

#include <filesystem>
#include <fstream>

#include "tests/actors/sink/writer_fixture.hpp"

namespace fleetgate::sink {
namespace {

class sqlite_lookup : public testing::writer_fixture {
 protected:
  [[nodiscard]] sink_findings found(const message_name& wanted) const {
    auto all = look_up(path(), wanted);
    EXPECT_TRUE(all) << to_string(all.error());
    return all.value_or(sink_findings{});
  }
};

TEST_F(sqlite_lookup, finds_a_row_by_device_and_sequence) {
  open();
  blocks_.add("pump-1").sequence = 5;
  blocks_.add("pump-2").sequence = 5;
  blocks_.add("pump-1").sequence = 6;
  write(blocks_.take());
  const auto rows = found({{}, "pump-2", 5}).rows;
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].device, "pump-2");
  EXPECT_EQ(rows[0].sequence, 5U);
  EXPECT_EQ(rows[0].epoch, 3U);
  EXPECT_EQ(rows[0].at, (model::position{1, 2}));
  EXPECT_EQ(rows[0].cls, "telemetry");
  EXPECT_EQ(rows[0].node, "node-1");
  EXPECT_EQ(rows[0].qos, 1);
}

TEST_F(sqlite_lookup, finds_a_row_by_trace_id) {
  open();
  write(blocks_.add_many(3).take());
  const auto rows = found({{0x0123456789abcdef, 2}, "", 0}).rows;
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at.lsn, 2U);
  EXPECT_EQ(rows[0].trace, "0123456789abcdef0000000000000002");
}

TEST_F(sqlite_lookup, tells_how_far_the_sink_has_come) {
  open();
  write(blocks_.add_many(3).take());
  bool seen = false;
  for (const auto& c : found({{}, "nobody", 1}).cursors) {
    EXPECT_EQ(c.reader, "archive");
    if (c.lane == "telemetry") seen = c.at == model::position{1, 3};
  }
  EXPECT_TRUE(seen);
}

TEST_F(sqlite_lookup, a_missing_file_is_a_fault_and_is_not_made) {
  EXPECT_FALSE(look_up(path(), {{}, "pump-1", 1}));
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(sqlite_lookup, a_file_of_another_program_is_a_fault) {
  std::ofstream(path()) << "no database at all, but long enough to be looked at as one";
  EXPECT_FALSE(look_up(path(), {{}, "pump-1", 1}));
}

TEST_F(sqlite_lookup, an_empty_file_is_no_sinks_database) {
  std::ofstream(path()).flush();
  const auto all = look_up(path(), {{}, "pump-1", 1});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, fault_code::not_found);
}

}  // namespace
}  // namespace fleetgate::sink
