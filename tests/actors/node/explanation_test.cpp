#include "actors/node/explanation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetgate::node {
namespace {

using model::trace_event;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr model::trace_id trace{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};

contract::stored_record record_at(std::uint64_t lsn, std::uint64_t sequence) {
  contract::stored_record r;
  r.at = {3, lsn};
  r.in = model::lane::event_owed;
  r.envelope.cls = model::traffic_class::event;
  r.envelope.qos = 1;
  r.envelope.device = "press-1";
  r.envelope.topic = "devices/press-1/event";
  r.envelope.sequence = sequence;
  r.envelope.trace = {trace.high, trace.low + lsn};
  r.envelope.received_time_ns = 1000;
  return r;
}

observe::trace_record noted(observe::trace_note n, std::string_view subject, std::int64_t at_ns) {
  n.subject = subject;
  return *observe::decode_trace_record(observe::encode_trace_record(n, 1, at_ns));
}

observe::trace_record group(trace_event event, model::lane in, std::uint64_t first,
                            std::uint64_t last, std::uint32_t incarnation = 3) {
  observe::trace_note n;
  n.event = event;
  n.in = in;
  n.incarnation = incarnation;
  n.first_lsn = first;
  n.last_lsn = last;
  return noted(n, "", 2000);
}

observe::trace_timeline recording_of(const std::vector<observe::trace_record>& records) {
  observe::trace_timeline t;
  t.files.emplace_back().head.node = "node-1";
  for (const auto& r : records) t.lines.push_back({r, 0});
  return t;
}

json tell(const explanation& e) {
  return e.tell(nullptr, circumstances({}));
}
json tell(const explanation& e, const observe::trace_timeline& recording) {
  return e.tell(&recording, circumstances({}));
}

std::vector<std::string> all_of(const json& objects, const char* member) {
  std::vector<std::string> all;
  for (const auto& o : objects) all.push_back(o[member].get<std::string>());
  return all;
}

known_sink sink_at(std::uint64_t lsn, std::vector<sink::stored_row> rows = {}) {
  known_sink s{"fleet.db", {}};
  s.found.rows = std::move(rows);
  s.found.cursors.push_back({"db", "event", "", {3, lsn}});
  return s;
}

sink::stored_row row_of(const contract::stored_record& r) {
  sink::stored_row row;
  row.id = 9;
  row.device = "press-1";
  row.cls = "event";
  row.node = "node-1";
  row.at = r.at;
  row.qos = 1;
  return row;
}

TEST(explanation, knows_a_message_by_device_and_sequence) {
  explanation e({{}, "press-1", 5});
  e.add(record_at(10, 4));
  e.add(record_at(11, 5));
  auto other = record_at(12, 5);
  other.envelope.device = "press-2";
  e.add(other);
  EXPECT_THAT(all_of(tell(e)["messages"], "position"), ElementsAre("3-11"));
}

TEST(explanation, a_record_that_is_seen_twice_is_one) {
  explanation e({{}, "press-1", 5});
  e.add(record_at(11, 5));
  e.add(record_at(11, 5));
  EXPECT_EQ(tell(e)["messages"].size(), 1u);
}

TEST(explanation, takes_the_groups_that_hold_it_and_no_others) {
  using model::lane;
  explanation e({{}, "press-1", 5});
  e.add(record_at(11, 5));
  EXPECT_TRUE(e.concerns(group(trace_event::synced, lane::event_owed, 11, 11)));
  EXPECT_TRUE(e.concerns(group(trace_event::synced, lane::event_owed, 1, 20)));
  EXPECT_FALSE(e.concerns(group(trace_event::synced, lane::event_owed, 12, 20)));
  EXPECT_FALSE(e.concerns(group(trace_event::synced, lane::event_owed, 1, 10)));
  EXPECT_FALSE(e.concerns(group(trace_event::synced, lane::telemetry_owed, 1, 20)));
  EXPECT_FALSE(e.concerns(group(trace_event::synced, lane::event_owed, 1, 20, 4)))
      << "what a start has written, only it can have synced";
  EXPECT_TRUE(e.concerns(group(trace_event::delivered, lane::event_owed, 1, 20, 4)))
      << "a later start may have delivered it";
}

TEST(explanation, takes_what_was_noted_of_the_message_itself) {
  explanation e({{}, "press-1", 5});
  e.add(record_at(11, 5));
  observe::trace_note n;
  n.event = trace_event::duplicate;
  n.sequence = 5;
  EXPECT_TRUE(e.concerns(noted(n, "press-1", 1)));
  EXPECT_FALSE(e.concerns(noted(n, "press-2", 1)));
  n.sequence = 6;
  EXPECT_FALSE(e.concerns(noted(n, "press-1", 1)));
  n.trace = {trace.high, trace.low + 11};
  EXPECT_TRUE(e.concerns(noted(n, "", 1))) << "its trace id is known from the spool";
}

TEST(explanation, tells_the_time_line_in_order) {
  explanation e({{}, "press-1", 5});
  e.add(record_at(11, 5));
  e.add(sink_at(11, {row_of(record_at(11, 5))}));
  const auto recording =
      recording_of({group(trace_event::synced, model::lane::event_owed, 11, 11),
                    group(trace_event::delivered, model::lane::event_owed, 11, 11)});
  const json told = tell(e, recording);
  EXPECT_THAT(all_of(told["timeline"], "what"),
              ElementsAre("received", "spool.synced", "sink.delivered"));
  EXPECT_THAT(all_of(told["standing"], "what"),
              ElementsAre("it lies in the spool", "delivered: row 9 of fleet.db"));
}

TEST(explanation, says_what_the_recorder_has_forgotten) {
  explanation e({{}, "press-1", 5});
  e.add(record_at(11, 5));
  e.add(sink_at(11, {row_of(record_at(11, 5))}));
  const auto recording = recording_of({});
  const auto now = all_of(tell(e, recording)["standing"], "what");
  EXPECT_THAT(now, Contains(HasSubstr("synced lies beyond what the recorder keeps")));
  EXPECT_THAT(now, Contains(HasSubstr("delivered lies beyond what the recorder keeps")));
}

TEST(explanation, says_for_which_sink_it_still_waits) {
  explanation e({{}, "press-1", 5});
  e.add(record_at(11, 5));
  e.add(sink_at(10));
  EXPECT_THAT(all_of(tell(e)["standing"], "what"), Contains(HasSubstr("it still waits")));
}

TEST(explanation, says_that_a_sink_has_passed_it_without_a_row) {
  explanation e({{}, "press-1", 5});
  e.add(record_at(11, 5));
  e.add(sink_at(11));
  EXPECT_THAT(all_of(tell(e)["standing"], "what"), Contains(HasSubstr("has passed it")));
}

TEST(explanation, a_row_is_enough_when_the_spool_has_given_it_back) {
  explanation e({{}, "press-1", 5});
  e.add(sink_at(11, {row_of(record_at(11, 5))}));
  ASSERT_TRUE(e.is_known(nullptr));
  EXPECT_THAT(all_of(tell(e)["standing"], "what"), Contains(HasSubstr("is not known")));
  e.spool_was_read();
  const auto recording = recording_of({group(trace_event::synced, model::lane::event_owed, 1, 20)});
  EXPECT_TRUE(e.concerns(recording.lines.front().record));
  const auto now = all_of(tell(e, recording)["standing"], "what");
  EXPECT_THAT(now, Contains(HasSubstr("has given it back")));
  EXPECT_THAT(now, Not(Contains(HasSubstr("when its group was synced"))));
}

TEST(explanation, what_was_noted_before_it_came_is_of_another_spool) {
  explanation e({{}, "press-1", 5});
  auto later = record_at(11, 5);
  later.envelope.received_time_ns = 2001;
  e.add(later);
  EXPECT_FALSE(e.concerns(group(trace_event::synced, model::lane::event_owed, 1, 20)));
  EXPECT_FALSE(e.concerns(group(trace_event::delivered, model::lane::event_owed, 1, 20)));
}

TEST(explanation, of_a_row_the_owed_lanes_group_is_believed) {
  explanation e({{}, "press-1", 5});
  e.add(sink_at(11, {row_of(record_at(11, 5))}));
  const auto free = group(trace_event::synced, model::lane::event_free, 1, 21);
  const auto owed = group(trace_event::synced, model::lane::event_owed, 1, 20);
  ASSERT_TRUE(e.concerns(free) && e.concerns(owed));
  const auto synced = [&](const observe::trace_timeline& recording) {
    std::vector<std::string> positions;
    const json told = tell(e, recording);
    for (const auto& t : told["timeline"]) {
      if (t["what"] == "spool.synced") positions.push_back(t["position"].get<std::string>());
    }
    return positions;
  };
  EXPECT_THAT(synced(recording_of({free, owed})), ElementsAre("3-1..20"));
  EXPECT_THAT(synced(recording_of({free})), ElementsAre("3-1..21"))
      << "a rule may ask for no more than level received";
}

TEST(explanation, what_was_only_noted_lies_nowhere) {
  explanation e({{}, "press-1", 5});
  observe::trace_note n;
  n.event = trace_event::refused;
  n.sequence = 5;
  n.fault = fault_code::spool_budget_full;
  const json told = tell(e, recording_of({noted(n, "press-1", 1)}));
  EXPECT_THAT(all_of(told["timeline"], "what"), ElementsAre("message.refused"));
  EXPECT_THAT(all_of(told["standing"], "what"), ElementsAre(HasSubstr("it lies nowhere")));
  EXPECT_TRUE(told["possible_ends"].empty());
}

TEST(explanation, says_in_which_failures_a_message_came) {
  explanation e({{}, "press-1", 5});
  e.add(record_at(11, 5));
  circumstances around({{}, "press-1", 5});
  observe::trace_note n;
  n.event = trace_event::sink_failed;
  n.fault = fault_code::sink_unavailable;
  around.add(noted(n, "db", 900));
  const json told = e.tell(nullptr, around);
  ASSERT_EQ(told["meanwhile"].size(), 1u);
  EXPECT_EQ(told["meanwhile"][0]["position"], "3-11");
  EXPECT_EQ(told["meanwhile"][0]["what"], "sink db failed");
  EXPECT_EQ(told["meanwhile"][0]["fault"], "sink_unavailable");
  EXPECT_TRUE(told["meanwhile"][0]["until"].is_null());
}

TEST(explanation, of_what_is_unknown_it_tells_what_may_have_been_its_end) {
  const explanation e({{}, "press-1", 5});
  circumstances around({{}, "press-1", 5});
  observe::trace_note n;
  n.event = trace_event::connection_rejected;
  n.fault = fault_code::server_busy;
  around.add(noted(n, "press-1", 1000));
  const json told = e.tell(nullptr, around);
  ASSERT_EQ(told["possible_ends"].size(), 1u);
  EXPECT_EQ(told["possible_ends"][0]["event"], "connection.rejected");
  EXPECT_TRUE(told["standing"].empty());
}

TEST(explanation, no_sink_gets_what_is_in_quarantine) {
  explanation e({trace, "", 0});
  auto bad = record_at(0, 5);
  bad.at = {3, 11};
  bad.in = model::lane::quarantine;
  bad.envelope.kind = model::record_kind::quarantined;
  bad.envelope.fault = fault_code::schema_violation;
  e.add(bad);
  e.add(sink_at(20));
  const json told = tell(e);
  EXPECT_EQ(told["messages"][0]["fault"], "schema_violation");
  EXPECT_THAT(all_of(told["standing"], "what"), Contains(HasSubstr("no sink gets it")));
  EXPECT_THAT(all_of(told["standing"], "what"), Not(Contains(HasSubstr("still waits"))));
}

TEST(explanation, marks_are_no_messages) {
  explanation e({{}, "press-1", 5});
  auto mark = record_at(11, 5);
  mark.envelope.kind = model::record_kind::session_open;
  e.add(mark);
  EXPECT_FALSE(e.is_known(nullptr));
}

}  // namespace
}  // namespace fleetgate::node
