#include "actors/sink/delivery_trace.hpp"

#include "tests/actors/observe/pen.hpp"
#include "tests/actors/sink/block_builder.hpp"

namespace fleetgate::sink {
namespace {

using model::lane;
using model::trace_event;

class delivery_trace : public ::testing::Test {
 protected:
  observe::testing::pen pen_;
  observe::trace_writer trace_ = pen_.writer();
  testing::block_builder blocks_;
};

TEST_F(delivery_trace, a_batch_is_one_record_a_lane_from_where_the_last_one_ended) {
  const contract::cursor start;
  const auto first = blocks_.add_many(3).take();
  note_delivered(trace_, {"db", start, false, 700}, first, 1000);
  auto block = blocks_.add_many(2).take();
  block.records.back().in = lane::event_owed;
  block.end.lanes[model::index(lane::event_owed)] = block.records.back().at;
  block.end.lanes[model::index(lane::telemetry_owed)] = block.records.front().at;
  note_delivered(trace_, {"db", first.end, false, 800}, block, 2000);
  const auto all = pen_.noted();
  ASSERT_EQ(all.size(), 3u);
  for (const auto& r : all) {
    EXPECT_EQ(r.note.event, trace_event::delivered);
    EXPECT_EQ(r.subject, "db");
    EXPECT_EQ(r.note.incarnation, 1u);
  }
  EXPECT_EQ(all[0].note.in, lane::telemetry_owed);
  EXPECT_EQ(all[0].note.count, 3u);
  EXPECT_EQ(all[0].note.first_lsn, 1u);
  EXPECT_EQ(all[0].note.last_lsn, 3u);
  EXPECT_EQ(all[0].note.duration_ns, 700u);
  EXPECT_EQ(all[0].time_ns, 1000);
  for (std::size_t i : {1, 2}) {
    const bool is_event = all[i].note.in == lane::event_owed;
    EXPECT_EQ(all[i].note.count, 1u);
    EXPECT_EQ(all[i].note.first_lsn, is_event ? 1u : 4u);
    EXPECT_EQ(all[i].note.last_lsn, is_event ? 5u : 4u);
    EXPECT_EQ(all[i].note.duration_ns, 800u);
  }
  EXPECT_NE(all[1].note.in, all[2].note.in);
}

TEST_F(delivery_trace, what_a_reader_passed_over_is_in_the_positions_and_not_in_the_count) {
  contract::read_block block;
  block.end.lanes[model::index(lane::telemetry_free)] = {2, 40};
  block.damaged = 3;
  note_delivered(trace_, {"db", {}, false, 1}, block, 1000);
  const auto all = pen_.noted();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].note.count, 0u);
  EXPECT_EQ(all[0].note.incarnation, 2u);
  EXPECT_EQ(all[0].note.first_lsn, 1u);
  EXPECT_EQ(all[0].note.last_lsn, 40u);
}

TEST_F(delivery_trace, what_a_sink_missed_is_an_anomaly_a_kind_with_its_lane_and_how_many) {
  note_missed(trace_, "db", lane::event_owed, {3, 0}, 1000);
  note_missed(trace_, "db", lane::event_owed, {4, 5}, 2000);
  const auto all = pen_.noted(trace_event::sink_missed);
  ASSERT_EQ(all.size(), 3u);
  for (const auto& r : all) {
    EXPECT_EQ(r.subject, "db");
    EXPECT_EQ(r.note.in, lane::event_owed);
  }
  EXPECT_EQ(all[0].note.count, 3u);
  EXPECT_EQ(all[0].note.fault, fault_code::not_found);
  EXPECT_EQ(all[1].note.count, 4u);
  EXPECT_EQ(all[2].note.count, 5u);
  EXPECT_EQ(all[2].note.fault, fault_code::storage_damaged);
}

TEST_F(delivery_trace, the_first_batch_after_a_failure_says_so) {
  note_failed(trace_, "db", fault_code::sink_unavailable, 900);
  note_delivered(trace_, {"db", {}, true, 1}, blocks_.add_many(1).take(), 1000);
  const auto all = pen_.noted();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].note.event, trace_event::sink_failed);
  EXPECT_EQ(all[0].subject, "db");
  EXPECT_EQ(all[0].note.fault, fault_code::sink_unavailable);
  EXPECT_EQ(all[0].time_ns, 900);
  EXPECT_EQ(all[1].note.event, trace_event::sink_recovered);
  EXPECT_EQ(all[1].subject, "db");
  EXPECT_FALSE(all[1].note.fault);
  EXPECT_EQ(all[2].note.event, trace_event::delivered);
}

TEST_F(delivery_trace, nothing_is_noted_without_a_recorder) {
  observe::trace_writer none;
  note_delivered(none, {"db", {}, true, 1}, blocks_.add_many(1).take(), 1000);
  note_failed(none, "db", fault_code::sink_unavailable, 900);
  EXPECT_TRUE(pen_.noted().empty());
}

}  // namespace
}  // namespace fleetgate::sink
