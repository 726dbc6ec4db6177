#include "actors/observe/trace_record.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fleetgate::observe {
namespace {

trace_note full_note(std::string_view subject) {
  trace_note n;
  n.event = model::trace_event::refused;
  n.cls = model::traffic_class::event;
  n.in = model::lane::event_owed;
  n.fault = fault_code::spool_budget_full;
  n.trace = {0x0123456789abcdef, 0xfedcba9876543210};
  n.subject = subject;
  n.epoch = 0;
  n.sequence = 42;
  n.count = 7;
  n.incarnation = 3;
  n.first_lsn = 100;
  n.last_lsn = 106;
  n.duration_ns = 1500;
  return n;
}

TEST(trace_record, reads_back_what_was_written) {
  const auto r = decode_trace_record(encode_trace_record(full_note("press-1"), 9, 1234));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->number, 9u);
  EXPECT_EQ(r->time_ns, 1234);
  EXPECT_EQ(r->subject, "press-1");
  EXPECT_EQ(r->note.event, model::trace_event::refused);
  EXPECT_EQ(r->note.cls, model::traffic_class::event);
  EXPECT_EQ(r->note.in, model::lane::event_owed);
  EXPECT_EQ(r->note.fault, fault_code::spool_budget_full);
  EXPECT_EQ(r->note.trace, (model::trace_id{0x0123456789abcdef, 0xfedcba9876543210}));
  EXPECT_EQ(r->note.epoch, 0u);
  EXPECT_EQ(r->note.sequence, 42u);
  EXPECT_EQ(r->note.count, 7u);
  EXPECT_EQ(r->note.incarnation, 3u);
  EXPECT_EQ(r->note.first_lsn, 100u);
  EXPECT_EQ(r->note.last_lsn, 106u);
  EXPECT_EQ(r->note.duration_ns, 1500u);
}

TEST(trace_record, what_was_not_said_is_not_there) {
  const auto r = decode_trace_record(encode_trace_record({}, 1, 0));
  ASSERT_TRUE(r);
  EXPECT_FALSE(r->note.cls);
  EXPECT_FALSE(r->note.in);
  EXPECT_FALSE(r->note.fault);
  EXPECT_FALSE(r->note.epoch);
  EXPECT_FALSE(r->note.sequence);
  EXPECT_TRUE(r->subject.empty());
}

TEST(trace_record, a_long_subject_is_cut_and_its_hash_tells_it_apart) {
  const std::string one(40, 'a');
  const std::string other = one + "b";
  const auto r = decode_trace_record(encode_trace_record(full_note(one), 1, 0));
  const auto o = decode_trace_record(encode_trace_record(full_note(other), 1, 0));
  ASSERT_TRUE(r && o);
  EXPECT_EQ(r->subject, std::string(trace_subject_bytes, 'a'));
  EXPECT_EQ(r->subject, o->subject);
  EXPECT_EQ(r->subject_hash, trace_subject_hash(one));
  EXPECT_NE(r->subject_hash, o->subject_hash);
}

TEST(trace_record, any_changed_byte_is_noticed) {
  const auto whole = encode_trace_record(full_note("press-1"), 1, 5);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto torn = whole;
    torn[i] ^= std::byte{1};
    EXPECT_FALSE(decode_trace_record(torn)) << "byte " << i;
  }
}

TEST(trace_record, is_torn_wherever_a_copy_stopped) {
  const auto before = encode_trace_record(full_note("press-1"), 1, 5);
  const auto after = encode_trace_record(full_note("press-2"), 65, 6);
  for (std::size_t stop = 1; stop < before.size(); ++stop) {
    auto torn = before;
    std::copy_n(after.begin(), stop, torn.begin());
    if (torn == after) continue;
    EXPECT_FALSE(decode_trace_record(torn)) << "at " << stop;
  }
}

TEST(trace_event, names_are_unique_and_found_again) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < model::trace_event_count; ++i) {
    const auto e = static_cast<model::trace_event>(i);
    EXPECT_TRUE(names.insert(describe(e).name).second) << describe(e).name;
    EXPECT_EQ(model::parse_trace_event(describe(e).name), e);
  }
  EXPECT_FALSE(model::parse_trace_event("message"));
}

}  // namespace
}  // namespace fleetgate::observe
