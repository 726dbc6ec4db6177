#include "actors/dedup/verdict_trace.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "actors/observe/trace_reader.hpp"

namespace fleetgate::dedup {
namespace {

using model::outcome;
using model::trace_event;

class verdict_trace : public testing::Test {
 protected:
  verdict_trace() {
    std::string pattern = testing::TempDir() + "verdictXXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    auto made = observe::trace_writer::create(path(), {"node-1", "journal", 0, 1, 16, 16});
    if (made) trace_ = std::move(*made);
    message_.cls = model::traffic_class::event;
    message_.level = model::ack_level::durable;
    message_.device = "press-1";
    message_.epoch_from = model::epoch_origin::device;
    message_.epoch = 7;
    message_.sequence = 5;
    message_.trace = {1, 2};
  }
  ~verdict_trace() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ + "/journal.ring"; }

  /// What is noted of this verdict; nothing where nothing is.
  std::optional<observe::trace_record> note(bool has_ticket,
                                            const std::vector<model::receipt>& answers) {
    note_verdict(trace_, message_, has_ticket, answers, 1000);
    std::optional<observe::trace_record> last;
    const auto read =
        observe::read_trace_file(path(), [&](observe::trace_record r) { last = std::move(r); });
    EXPECT_TRUE(read);
    return last;
  }

  static model::receipt answer(outcome result, fault_code fault = fault_code::internal) {
    model::receipt r;
    r.result = result;
    r.fault = fault;
    return r;
  }

  std::string directory_;
  observe::trace_writer trace_;
  model::envelope message_;
};

TEST_F(verdict_trace, what_is_simply_taken_is_not_noted) {
  EXPECT_FALSE(note(true, {}));
}

TEST_F(verdict_trace, a_duplicate_is_noted_with_its_key) {
  const auto r = note(false, {answer(outcome::duplicate)});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->note.event, trace_event::duplicate);
  EXPECT_EQ(r->subject, "press-1");
  EXPECT_EQ(r->note.epoch, 7u);
  EXPECT_EQ(r->note.sequence, 5u);
  EXPECT_EQ(r->note.trace, (model::trace_id{1, 2}));
  EXPECT_EQ(r->note.cls, model::traffic_class::event);
  EXPECT_FALSE(r->note.fault);
}

TEST_F(verdict_trace, what_waits_for_the_same_receipt_is_a_duplicate) {
  EXPECT_EQ(note(false, {})->note.event, trace_event::duplicate);
}

TEST_F(verdict_trace, a_takeover_of_the_wait_is_no_refusal) {
  EXPECT_EQ(note(false, {answer(outcome::superseded)})->note.event, trace_event::duplicate);
}

TEST_F(verdict_trace, a_refusal_is_noted_with_its_fault) {
  const auto r =
      note(false, {answer(outcome::superseded), answer(outcome::refused, fault_code::server_busy)});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->note.event, trace_event::refused);
  EXPECT_EQ(r->note.fault, fault_code::server_busy);
}

TEST_F(verdict_trace, what_nothing_was_promised_for_is_shed) {
  message_.level = model::ack_level::none;
  EXPECT_EQ(note(false, {answer(outcome::refused, fault_code::server_busy)})->note.event,
            trace_event::shed);
}

TEST_F(verdict_trace, what_can_never_pass_is_noted_once_it_is_to_be_kept) {
  message_.kind = model::record_kind::quarantined;
  message_.fault = fault_code::schema_violation;
  const auto r = note(true, {});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->note.event, trace_event::quarantined);
  EXPECT_EQ(r->note.fault, fault_code::schema_violation);
}

TEST_F(verdict_trace, its_repetition_is_a_duplicate) {
  message_.kind = model::record_kind::quarantined;
  const auto r = note(false, {answer(outcome::quarantined, fault_code::schema_violation)});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->note.event, trace_event::duplicate);
  EXPECT_EQ(r->note.fault, fault_code::schema_violation);
}

TEST_F(verdict_trace, marks_are_not_noted) {
  message_.kind = model::record_kind::session_open;
  EXPECT_FALSE(note(false, {answer(outcome::refused, fault_code::server_busy)}));
}

}  // namespace
}  // namespace fleetgate::dedup
