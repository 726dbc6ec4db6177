#include "actors/spool/spool_trace.hpp"

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "actors/observe/trace_reader.hpp"
#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

using model::trace_event;

class spool_trace_test : public spool_fixture {
 protected:
  spool_trace_test() {
    std::string pattern = ::testing::TempDir() + "spool-traceXXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    auto made = observe::trace_writer::create(path(), {"node-1", "journal", 0, 1, 16, 16});
    if (made) writer_ = std::move(*made);
    made = observe::trace_writer::create(node_path(), {"node-1", "node", 0, 1, 16, 16});
    if (made) of_node_ = std::move(*made);
    options = options_with(1 << 20, 8 * 1024);
    open();
  }
  ~spool_trace_test() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ + "/journal.ring"; }
  [[nodiscard]] std::string node_path() const { return directory_ + "/node.ring"; }
  [[nodiscard]] std::vector<observe::trace_record> noted() const { return noted_in(path()); }
  /// Of the node, and nothing of a message beside it.
  [[nodiscard]] std::vector<observe::trace_record> noted_of_node() const {
    EXPECT_TRUE(noted().empty());
    return noted_in(node_path());
  }
  static std::vector<observe::trace_record> noted_in(const std::string& path) {
    std::vector<observe::trace_record> all;
    EXPECT_TRUE(observe::read_trace_file(
        path, [&](observe::trace_record r) { all.push_back(std::move(r)); }));
    return all;
  }

  std::string directory_;
  observe::trace_writer writer_, of_node_;
};

TEST_F(spool_trace_test, a_group_is_one_record_a_lane) {
  spool_trace trace(writer_, of_node_, brain->view());
  append(1);
  append(2, traffic_class::event);
  append(3);
  commit();
  trace.note_commit(1000, 5);
  const auto all = noted();
  ASSERT_EQ(all.size(), 2U);
  for (const auto& r : all) {
    EXPECT_EQ(r.note.event, trace_event::synced);
    const bool is_event = r.note.in == lane::event_owed;
    EXPECT_EQ(r.note.count, is_event ? 1U : 2U);
    EXPECT_EQ(r.note.last_lsn, is_event ? 2U : 3U);
    EXPECT_LE(r.note.first_lsn, is_event ? 2U : 1U);
    EXPECT_EQ(r.note.incarnation, 1U);
  }
}

TEST_F(spool_trace_test, a_record_is_in_exactly_one_group) {
  spool_trace trace(writer_, of_node_, brain->view());
  for (std::uint64_t n = 1; n <= 5; ++n) {
    append(n);
    commit();
    trace.note_commit(1000, 5);
  }
  std::uint64_t next = 1;
  for (const auto& r : noted()) {
    EXPECT_EQ(r.note.first_lsn, next);
    next = r.note.last_lsn + 1;
  }
  EXPECT_EQ(next, 6U);
}

TEST_F(spool_trace_test, what_was_durable_before_is_not_noted_again) {
  append(1);
  commit();
  spool_trace trace(writer_, of_node_, brain->view());
  trace.note_commit(1000, 5);
  EXPECT_TRUE(noted().empty());
}

TEST_F(spool_trace_test, a_slow_commit_is_an_anomaly) {
  spool_trace trace(writer_, of_node_, brain->view());
  trace.note_commit(1'000 * ms, 5);
  ASSERT_EQ(noted().size(), 1U);
  EXPECT_EQ(noted()[0].note.event, trace_event::slow);
}

TEST_F(spool_trace_test, trouble_is_noted_with_its_fault_and_its_end_without) {
  spool_trace trace(writer_, of_node_, brain->view());
  trace.note_trouble(fault_code::storage_full, 5);
  trace.note_recovered(7);
  const auto all = noted_of_node();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].note.event, trace_event::storage_failed);
  EXPECT_EQ(all[0].note.fault, fault_code::storage_full);
  EXPECT_EQ(all[0].time_ns, 5);
  EXPECT_EQ(all[1].note.event, trace_event::storage_recovered);
  EXPECT_FALSE(all[1].note.fault);
  EXPECT_EQ(all[1].time_ns, 7);
}

TEST_F(spool_trace_test, what_gave_way_is_one_record_a_lane_and_noted_once) {
  spool_trace trace(writer_, of_node_, brain->view());
  spool_counts counts{};
  trace.note_shed(counts, 5);
  counts[model::index(lane::telemetry_free)].shed_records = 40;
  trace.note_shed(counts, 6);
  trace.note_shed(counts, 7);
  counts[model::index(lane::telemetry_free)].shed_records = 50;
  counts[model::index(lane::quarantine)].shed_records = 1;
  trace.note_shed(counts, 8);
  const auto all = noted();
  ASSERT_EQ(all.size(), 3U);
  for (const auto& r : all) EXPECT_EQ(r.note.event, trace_event::spool_shed);
  EXPECT_EQ(all[0].note.in, lane::telemetry_free);
  EXPECT_EQ(all[0].note.count, 40U);
  EXPECT_EQ(all[0].time_ns, 6);
  EXPECT_EQ(all[1].note.in, lane::telemetry_free);
  EXPECT_EQ(all[1].note.count, 10U);
  EXPECT_EQ(all[2].note.in, lane::quarantine);
  EXPECT_EQ(all[2].note.count, 1U);
}

TEST_F(spool_trace_test, a_message_without_room_is_noted_with_its_key) {
  spool_trace trace(writer_, of_node_, brain->view());
  std::string payload;
  contract::append_request request;
  request.batch = std::make_unique<contract::envelope_batch>();
  request.batch->envelopes.push_back(
      envelope(7, traffic_class::event, ack_level::durable, payload));
  request.batch->envelopes.push_back(envelope(8, traffic_class::event, ack_level::none, payload));
  request.items = {{0, 41}, {1, 42}};
  const std::vector<contract::settlement> settled_now{
      {40, false, fault_code::spool_budget_full, {}},  // of another request
      {41, false, fault_code::spool_budget_full, {}},
      {42, false, fault_code::spool_budget_full, {}}};
  trace.note_refused(request, settled_now, 5);
  const auto all = noted();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].note.event, trace_event::refused);
  EXPECT_EQ(all[0].note.sequence, 7U);
  EXPECT_EQ(all[0].note.fault, fault_code::spool_budget_full);
  EXPECT_EQ(all[0].subject, "pump-7");
  EXPECT_EQ(all[1].note.event, trace_event::shed);
  EXPECT_EQ(all[1].note.sequence, 8U);
}

}  // namespace
}  // namespace fleetgate::spool::testing
