#include "actors/spool/inspection.hpp"

#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

class inspection_test : public spool_fixture {
 protected:
  inspection inspected() {
    const auto found = inspect(files, options.directory);
    EXPECT_TRUE(found) << to_string(found.error());
    return found.value_or(inspection{});
  }
  static const lane_inspection& telemetry(const inspection& i) {
    return i.lanes[model::index(model::lane::telemetry_owed)];
  }
  void write(std::uint64_t count) {
    options = options_with(1 << 20, 8 * 1024);
    open();
    for (std::uint64_t n = 1; n <= count; ++n) {
      append(n);
      commit();
    }
  }
};

TEST_F(inspection_test, counts_what_a_running_spool_has_and_changes_nothing) {
  write(200);
  const auto before = files.paths("/telemetry/");
  const auto found = inspected();
  EXPECT_EQ(telemetry(found).records, 200U);
  EXPECT_EQ(telemetry(found).damaged_records, 0U);
  EXPECT_EQ(telemetry(found).segments, before.size());
  EXPECT_EQ(telemetry(found).first, (model::position{1, 1}));
  EXPECT_EQ(telemetry(found).last, (model::position{1, 200}));
  EXPECT_FALSE(found.damaged());
  EXPECT_EQ(files.paths("/telemetry/"), before);
  append(201);
  commit();
  EXPECT_EQ(read_all().numbers.size(), 201U);
}

TEST_F(inspection_test, shows_each_intact_record_once) {
  write(20);
  std::vector<std::uint64_t> numbers;
  const auto found = inspect(files, options.directory, [&](const contract::stored_record& r) {
    numbers.push_back(r.envelope.sequence.value_or(0));
  });
  ASSERT_TRUE(found) << to_string(found.error());
  ASSERT_EQ(numbers.size(), 20U);
  for (std::uint64_t n = 1; n <= 20; ++n) EXPECT_EQ(numbers[n - 1], n);
}

TEST_F(inspection_test, a_flipped_bit_is_one_damaged_record) {
  write(200);
  ASSERT_TRUE(brain->close(now_ns, settled));
  std::string& bytes = files.bytes(files.paths("/telemetry/").front());
  bytes[segment_header_bytes + 200] ^= 8;
  const auto found = inspected();
  EXPECT_EQ(telemetry(found).damaged_records, 1U);
  EXPECT_EQ(telemetry(found).records, 199U);
  EXPECT_TRUE(found.damaged());
}

TEST_F(inspection_test, a_lost_last_segment_is_counted_after_a_clean_close) {
  write(200);
  ASSERT_TRUE(brain->close(now_ns, settled));
  ASSERT_TRUE(files.remove(files.paths("/telemetry/").back()));
  const auto found = inspected();
  EXPECT_EQ(telemetry(found).records + telemetry(found).damaged_records, 200U);
  EXPECT_GT(telemetry(found).damaged_records, 0U);
}

TEST_F(inspection_test, where_no_spool_is_nothing_is_found) {
  const auto found = inspect(files, "/nowhere");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, fault_code::not_found);
}

}  // namespace
}  // namespace fleetgate::spool::testing
