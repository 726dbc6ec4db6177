#include "actors/node/circumstances.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetgate::node {
namespace {

using model::trace_event;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

class circumstances_of : public testing::Test {
 protected:
  void note(trace_event event, std::string_view subject, std::int64_t at_ns,
            const observe::trace_note& more = {}) {
    observe::trace_note n = more;
    n.event = event;
    n.subject = subject;
    around_.add(*observe::decode_trace_record(observe::encode_trace_record(n, ++number_, at_ns)));
  }
  static observe::trace_note because(fault_code why) {
    observe::trace_note n;
    n.fault = why;
    return n;
  }
  static auto between(std::int64_t since_ns, std::int64_t until_ns) {
    return AllOf(Field(&circumstance::since_ns, since_ns),
                 Field(&circumstance::until_ns, until_ns));
  }
  static auto named(std::string_view event) {
    return Field(&circumstance::event, std::string(event));
  }

  circumstances around_{{{}, "press-1", 5}};
  std::uint64_t number_ = 0;
};

TEST_F(circumstances_of, a_sink_fails_until_it_has_recovered) {
  note(trace_event::sink_failed, "db", 100, because(fault_code::sink_unavailable));
  note(trace_event::sink_failed, "db", 110, because(fault_code::sink_unavailable));
  note(trace_event::sink_recovered, "db", 200);
  EXPECT_THAT(around_.around(99), IsEmpty());
  EXPECT_THAT(around_.around(100), ElementsAre(between(100, 200)));
  EXPECT_THAT(around_.around(200),
              ElementsAre(AllOf(Field(&circumstance::count, 2),
                                Field(&circumstance::fault, fault_code::sink_unavailable),
                                Field(&circumstance::what, "sink db failed"))));
  EXPECT_THAT(around_.around(201), IsEmpty());
}

TEST_F(circumstances_of, records_come_in_any_order) {
  note(trace_event::sink_recovered, "db", 200);
  note(trace_event::sink_failed, "db", 100);
  EXPECT_THAT(around_.around(150), ElementsAre(between(100, 200)));
}

TEST_F(circumstances_of, sinks_and_spool_fail_each_by_itself) {
  note(trace_event::sink_failed, "db", 100);
  note(trace_event::storage_failed, "", 120);
  note(trace_event::sink_failed, "other", 130);
  note(trace_event::storage_recovered, "", 140);
  note(trace_event::sink_recovered, "other", 150);
  EXPECT_THAT(around_.around(135),
              ElementsAre(between(100, 0), between(120, 140), between(130, 150)));
}

TEST_F(circumstances_of, a_start_ends_what_was_noted_before_it) {
  note(trace_event::sink_failed, "db", 100);
  note(trace_event::started, "node-1", 200);
  EXPECT_THAT(around_.around(150), ElementsAre(between(100, 200)));
  EXPECT_THAT(around_.around(300), IsEmpty());
}

TEST_F(circumstances_of, what_a_device_lost_without_a_key_may_have_been_it) {
  note(trace_event::shed, "press-1", 100, because(fault_code::quota_exceeded));
  note(trace_event::shed, "press-1", 300, because(fault_code::quota_exceeded));
  note(trace_event::shed, "press-2", 100, because(fault_code::quota_exceeded));
  auto known = because(fault_code::quota_exceeded);
  known.sequence = 6;
  note(trace_event::shed, "press-1", 100, known);
  note(trace_event::connection_rejected, "press-1", 400, because(fault_code::server_busy));
  note(trace_event::connection_lost, "press-1", 500, because(fault_code::keep_alive_timeout));
  const auto ends = around_.possible_ends();
  EXPECT_THAT(ends, ElementsAre(named("message.shed"), named("connection.rejected"),
                                named("connection.lost")));
  EXPECT_EQ(ends[0].count, 2u);
  EXPECT_THAT(ends[0], between(100, 300));
}

TEST_F(circumstances_of, what_the_spool_gave_up_may_have_been_it) {
  observe::trace_note n;
  n.in = model::lane::telemetry_free;
  n.count = 7;
  note(trace_event::spool_shed, "", 100, n);
  note(trace_event::spool_shed, "", 200, n);
  n.in = model::lane::quarantine;  // an answer was given for it: its own note tells
  note(trace_event::spool_shed, "", 300, n);
  const auto ends = around_.possible_ends();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].count, 14u);
  EXPECT_THAT(ends[0].what, HasSubstr(to_string(model::lane::telemetry_free)));
}

TEST_F(circumstances_of, what_a_sink_missed_may_have_been_it) {
  auto gone = because(fault_code::not_found);
  gone.in = model::lane::telemetry_owed;
  gone.count = 7;
  note(trace_event::sink_missed, "db", 100, gone);
  const auto ends = around_.possible_ends();
  ASSERT_THAT(ends, ElementsAre(named("sink.missed")));
  EXPECT_EQ(ends[0].count, 7u);
  EXPECT_THAT(ends[0].what, HasSubstr("db"));
}

TEST_F(circumstances_of, an_end_without_a_drain_may_have_been_it) {
  note(trace_event::started, "node-1", 100);
  note(trace_event::drained, "node-1", 200);
  note(trace_event::started, "node-1", 300);
  note(trace_event::started, "node-1", 400);
  EXPECT_THAT(around_.possible_ends(), ElementsAre(between(300, 400)))
      << "the last one may run still";
}

TEST_F(circumstances_of, a_spool_that_could_not_write_may_have_been_it_and_a_sink_never) {
  note(trace_event::storage_failed, "", 100, because(fault_code::storage_full));
  note(trace_event::sink_failed, "db", 100);
  EXPECT_THAT(around_.possible_ends(),
              ElementsAre(AllOf(named("spool.storage_failed"), between(100, 0))));
}

TEST_F(circumstances_of, by_a_trace_id_no_device_is_known) {
  around_ = circumstances({{1, 2}, "", 0});
  note(trace_event::connection_rejected, "", 400, because(fault_code::server_busy));
  EXPECT_THAT(around_.possible_ends(), IsEmpty());
}

}  // namespace
}  // namespace fleetgate::node
