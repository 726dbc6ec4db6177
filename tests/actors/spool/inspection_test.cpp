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
  lane_recount recounted(std::uint64_t up_to) {
    std::array<std::uint64_t, model::lane_count> all{};
    all[model::index(model::lane::telemetry_owed)] = up_to;
    const auto found = recount(files, options.directory, all);
    EXPECT_TRUE(found) << to_string(found.error());
    return found ? (*found)[model::index(model::lane::telemetry_owed)] : lane_recount{};
  }
  lane_behind behind(const model::position& at, std::uint64_t ordinal, std::uint64_t up_to) {
    std::array<std::uint64_t, model::lane_count> all{};
    all[model::index(model::lane::telemetry_owed)] = up_to;
    reader_place place;
    place[model::index(model::lane::telemetry_owed)] = {at, ordinal};
    const auto found = recount(files, options.directory, all, {place});
    EXPECT_TRUE(found) << to_string(found.error());
    return found ? (*found)[model::index(model::lane::telemetry_owed)].behind.at(0) : lane_behind{};
  }
  static void expect(const lane_behind& found, std::uint64_t gone, std::uint64_t intact,
                     std::uint64_t damaged, std::optional<std::uint64_t> ordinal) {
    EXPECT_EQ(found.gone, gone);
    EXPECT_EQ(found.intact, intact);
    EXPECT_EQ(found.damaged, damaged);
    EXPECT_EQ(found.ordinal, ordinal);
  }
  static void expect(const lane_recount& found, std::uint64_t gone, std::uint64_t intact,
                     std::uint64_t damaged, std::uint64_t last) {
    EXPECT_EQ(found.gone, gone);
    EXPECT_EQ(found.intact, intact);
    EXPECT_EQ(found.damaged, damaged);
    EXPECT_EQ(found.last, last);
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

TEST_F(inspection_test, without_its_id_a_spool_is_told_by_its_segments) {
  write(20);
  files.erase(options.directory + "/spool.id");
  const auto found = inspected();
  EXPECT_EQ(found.uuid, options.new_uuid);
  EXPECT_EQ(telemetry(found).records, 20U);
  expect(recounted(20), 0, 20, 0, 20);
}

TEST_F(inspection_test, where_no_spool_is_nothing_is_found) {
  const auto found = inspect(files, "/nowhere");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, fault_code::not_found);
}

TEST_F(inspection_test, a_recount_ends_at_the_record_that_was_asked_for) {
  write(200);
  expect(recounted(200), 0, 200, 0, 200);
  expect(recounted(150), 0, 150, 0, 200);
  expect(recounted(0), 0, 0, 0, 200);
}

TEST_F(inspection_test, a_recount_tells_what_is_gone_from_what_is_damaged) {
  write(200);
  const auto paths = files.paths("/telemetry/");
  ASSERT_GE(paths.size(), 3U);
  ASSERT_TRUE(files.remove(paths.front()));
  files.bytes(paths[1])[segment_header_bytes + 200] ^= 8;
  const auto found = recounted(200);
  EXPECT_GT(found.gone, 1U);
  EXPECT_EQ(found.damaged, 1U);
  EXPECT_EQ(found.gone + found.intact + found.damaged, 200U);
}

TEST_F(inspection_test, a_recount_of_damage_ends_at_the_record_that_was_asked_for) {
  write(200);
  std::string& bytes = files.bytes(files.paths("/telemetry/").front());
  bytes[segment_header_bytes + 200] ^= 8;
  const auto all = recounted(200);
  EXPECT_EQ(all.damaged, 1U);
  EXPECT_EQ(all.intact, 199U);
  std::uint64_t damaged = 0;
  for (std::uint64_t up_to = 1; up_to <= 10; ++up_to) {
    const auto found = recounted(up_to);
    EXPECT_EQ(found.gone + found.intact + found.damaged, up_to);
    EXPECT_GE(found.damaged, damaged);
    damaged = found.damaged;
  }
  EXPECT_EQ(damaged, 1U);
}

TEST_F(inspection_test, a_recount_misses_what_a_last_segment_took_along_unnoticed) {
  write(200);
  ASSERT_TRUE(files.remove(files.paths("/telemetry/").back()));
  const auto found = recounted(200);
  EXPECT_LT(found.gone + found.intact + found.damaged, 200U);
}

TEST_F(inspection_test, a_recount_after_a_clean_close_calls_a_lost_end_damage) {
  write(200);
  ASSERT_TRUE(brain->close(now_ns, settled));
  ASSERT_TRUE(files.remove(files.paths("/telemetry/").back()));
  const auto found = recounted(200);
  EXPECT_EQ(found.gone + found.intact + found.damaged, 200U);
  EXPECT_GT(found.damaged, 0U);
}

TEST_F(inspection_test, a_recount_counts_what_lies_behind_a_reader) {
  write(200);
  expect(behind({}, 0, 200), 0, 200, 0, std::nullopt);
  expect(behind({1, 50}, 50, 200), 0, 150, 0, 50);
  expect(behind({1, 50}, 50, 120), 0, 70, 0, 50);
  expect(behind({1, 50}, 49, 200), 0, 150, 0, 50);  // the files know better
  expect(behind({1, 200}, 200, 200), 0, 0, 0, 200);
}

TEST_F(inspection_test, a_recount_behind_a_reader_tells_what_is_gone_or_damaged) {
  write(200);
  const auto paths = files.paths("/telemetry/");
  std::string& bytes = files.bytes(paths[0]);
  bytes[bytes.find("FGR1", segment_header_bytes + 4) + 10] ^= 8;  // the second record
  expect(behind({1, 1}, 1, 200), 0, 198, 1, 1);
  expect(behind({1, 2}, 2, 200), 0, 198, 0, std::nullopt);  // the one it stands at
  expect(behind({1, 3}, 3, 200), 0, 197, 0, 3);
  ASSERT_TRUE(files.remove(paths[0]));
  const auto found = behind({1, 10}, 10, 200);
  EXPECT_GT(found.gone, 0U);
  EXPECT_EQ(found.gone + found.intact, 190U);
}

TEST_F(inspection_test, a_recount_of_an_emptied_lane_calls_all_of_it_gone) {
  write(200);
  ASSERT_TRUE(brain->close(now_ns, settled));
  open();
  ASSERT_TRUE(brain->register_reader("sink", true, {}));
  advance("sink", read_all().end);
  brain->set_snapshot_floor(brain->last_lsn());
  ASSERT_TRUE(files.paths("/telemetry/").empty());
  expect(recounted(200), 200, 0, 0, 0);
  expect(behind({1, 200}, 200, 200), 0, 0, 0, std::nullopt);
}

}  // namespace
}  // namespace fleetgate::spool::testing
