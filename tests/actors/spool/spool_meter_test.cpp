// What /metrics says of the spool: each record once, and each lane's own limit.
#include "actors/spool/spool_meter.hpp"

#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

class spool_meter_test : public spool_fixture {
 protected:
  std::uint64_t counted(const observe::per_lane<observe::counter>& cells, lane in) {
    meter.count(brain->counts());
    return cells[in].value();
  }

  observe::journal_probe probe;
  spool_meter meter{probe};
};

TEST_F(spool_meter_test, refused_record_is_not_counted_as_appended) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  std::uint64_t n = 1;
  for (; !refused(n - 1); ++n) append(n);
  EXPECT_EQ(counted(probe.appended_records, lane::telemetry_owed), n - 2);
  EXPECT_EQ(brain->stats().refused_records, 1U);
  EXPECT_EQ(probe.appended_bytes[lane::telemetry_owed].value(), brain->stats().used_bytes)
      << "headers and texts are bytes on disk, too";
}

TEST_F(spool_meter_test, record_that_is_written_again_after_a_fault_counts_once) {
  open();
  append(1);
  files.before = [](disk_op op, const std::string&) -> std::optional<fault_code> {
    if (op == disk_op::sync) return fault_code::storage_io;
    return std::nullopt;
  };
  commit();
  files.before = nullptr;
  commit(*brain->next_deadline_ns());
  EXPECT_TRUE(stored(1));
  EXPECT_EQ(counted(probe.appended_records, lane::telemetry_owed), 1U);
  EXPECT_EQ(meter.count(brain->counts()), 0U) << "nothing is new";
  EXPECT_EQ(probe.appended_records[lane::telemetry_owed].value(), 1U);
}

TEST_F(spool_meter_test, marks_are_told_from_messages) {
  open();
  append(1, traffic_class::control, ack_level::durable, model::record_kind::session_open);
  append(2, traffic_class::control, ack_level::durable, model::record_kind::release);
  append(3, traffic_class::control);
  append(4, traffic_class::control, ack_level::durable, model::record_kind::quarantined);
  EXPECT_EQ(meter.count(brain->counts()), 4U);
  EXPECT_EQ(probe.appended_records[lane::control_owed].value(), 3U);
  EXPECT_EQ(probe.appended_records[lane::quarantine].value(), 1U);
  EXPECT_EQ(probe.appended_marks.value(), 2U);
}

TEST_F(spool_meter_test, what_quarantine_drops_is_shown_as_shed) {
  options = options_with(256 * 1024, 8 * 1024);
  options.quarantine_budget_bytes = 32 * 1024;
  open();
  for (std::uint64_t n = 1; n <= 500; ++n) {
    append(n, traffic_class::telemetry, ack_level::durable, model::record_kind::quarantined);
    commit();
  }
  meter.show(brain->stats());
  const std::uint64_t shed = counted(probe.shed, lane::quarantine);
  EXPECT_GT(shed, 0U);
  EXPECT_EQ(shed + static_cast<std::uint64_t>(probe.spool_records[lane::quarantine].value()),
            probe.appended_records[lane::quarantine].value());
}

TEST_F(spool_meter_test, free_telemetry_that_gave_way_is_shown_as_shed) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  std::uint64_t n = 1;
  for (; n < 1000; ++n) {
    append(n, traffic_class::telemetry, ack_level::none);
    commit(now_ns + 200 * ms);
    brain->set_snapshot_floor(brain->last_lsn());
  }
  commit(now_ns + 200 * ms);
  const std::uint64_t shed = counted(probe.shed, lane::telemetry_free);
  EXPECT_GT(shed, 0U);
  EXPECT_EQ(shed + read_all().numbers.size(), n - 1);
}

TEST_F(spool_meter_test, what_every_required_reader_had_is_removed_and_not_shed) {
  options = options_with(256 * 1024, 16 * 1024);
  open();
  ASSERT_TRUE(brain->register_reader("required", true, {}));
  ASSERT_TRUE(brain->register_reader("slow", false, {}));
  for (std::uint64_t n = 1; n < 1000; ++n) {
    append(n, traffic_class::telemetry, ack_level::none);
    commit(now_ns + 200 * ms);
    advance("required", read_all().end);
    brain->set_snapshot_floor(brain->last_lsn());
  }
  EXPECT_GT(brain->stats().removed_segments, 0U);
  EXPECT_EQ(counted(probe.shed, lane::telemetry_free), 0U);
}

TEST_F(spool_meter_test, each_lane_shows_the_limit_of_its_class) {
  options = options_with(1 << 20, 16 * 1024);
  open();
  meter.show(brain->stats());
  const auto limit = [&](lane in) { return probe.spool_limit_bytes[in].value(); };
  for (const auto level : {ack_level::durable, ack_level::none}) {
    EXPECT_EQ(limit(model::lane_of(traffic_class::control, level)), (1 << 20) / 4 * 3);
    EXPECT_EQ(limit(model::lane_of(traffic_class::heartbeat, level)), (1 << 20) / 4 * 3);
    EXPECT_EQ(limit(model::lane_of(traffic_class::event, level)), (1 << 20) / 16 * 11);
    EXPECT_EQ(limit(model::lane_of(traffic_class::telemetry, level)), (1 << 20) / 16 * 11);
  }
  EXPECT_EQ(limit(lane::quarantine), (1 << 20) / 4);
}

}  // namespace
}  // namespace fleetgate::spool::testing
