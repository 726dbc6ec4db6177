#include "actors/observe/probe_registration.hpp"

#include <gtest/gtest.h>

#include "tests/actors/observe/exposition_parser.hpp"
#include "tests/actors/observe/wired_registry.hpp"

namespace fleetgate::observe {
namespace {

using labels = std::map<std::string, std::string>;
using model::traffic_class;

class probe_registration : public testing::Test {
 protected:
  double value(const std::string& name, const labels& l = {}) {
    const auto all =
        test::parse_exposition(node.metrics.render(exposition_format::prometheus_text), false);
    return test::sample_value(all, name, name, l);
  }
  double count_of(const std::string& histogram, const labels& l) {
    const auto all =
        test::parse_exposition(node.metrics.render(exposition_format::prometheus_text), false);
    return test::sample_value(all, histogram, histogram + "_count", l);
  }

  test::wired_registry node;
};

TEST_F(probe_registration, every_cell_of_ingress_has_its_series) {
  auto& p = node.ingress[0];
  p.connections_open.set(3);
  node.ingress[1].connections_open.set(4);
  p.connections_paused.set(2);
  p.connections_accepted.add(9);
  p.connections_rejected[fault_code::connect_timeout].add(5);
  p.connections_closed[fault_code::malformed_packet].add(6);
  p.connections_closed_normally.add(7);
  p.bytes_in.add(13);
  p.bytes_out.add(14);
  p.publishes[traffic_class::event][quality_of_service::exactly_once].add(15);
  p.shed[traffic_class::telemetry][fault_code::memory_budget_full].add(17);
  p.acknowledged[traffic_class::control].record(std::chrono::milliseconds(1));
  p.acknowledged[traffic_class::telemetry].record(std::chrono::milliseconds(1));

  const labels mqtt{{"listener", "mqtt"}};
  EXPECT_EQ(value("fleetgate_connections", mqtt), 7);
  EXPECT_EQ(value("fleetgate_connections_paused", mqtt), 2);
  EXPECT_EQ(value("fleetgate_connections_accepted_total", mqtt), 9);
  EXPECT_EQ(value("fleetgate_connections_rejected_total",
                  {{"listener", "mqtt"}, {"reason", "connect_timeout"}}),
            5);
  EXPECT_EQ(value("fleetgate_connections_closed_total",
                  {{"listener", "mqtt"}, {"reason", "malformed_packet"}}),
            6);
  EXPECT_EQ(value("fleetgate_connections_closed_total",
                  {{"listener", "mqtt"}, {"reason", "normal_disconnection"}}),
            7);
  EXPECT_EQ(value("fleetgate_received_bytes_total", mqtt), 13);
  EXPECT_EQ(value("fleetgate_sent_bytes_total", mqtt), 14);
  EXPECT_EQ(value("fleetgate_publishes_received_total", {{"class", "event"}, {"qos", "2"}}), 15);
  EXPECT_EQ(value("fleetgate_shed_total",
                  {{"stage", "ingress"}, {"class", "telemetry"}, {"reason", "memory_budget_full"}}),
            17);
  EXPECT_EQ(count_of("fleetgate_acknowledge_duration_seconds", {{"class", "control"}}), 1);
  EXPECT_EQ(count_of("fleetgate_stage_duration_seconds", {{"stage", "acknowledge"}}), 2);
}

TEST_F(probe_registration, a_reason_nobody_expected_is_still_shown) {
  node.ingress[1].connections_rejected[fault_code::storage_damaged].add();
  EXPECT_EQ(value("fleetgate_connections_rejected_total",
                  {{"listener", "mqtt"}, {"reason", "storage_damaged"}}),
            1);
}

TEST_F(probe_registration, every_cell_of_the_parser_has_its_series) {
  node.parse[0].messages[payload_format::json].add(2);
  node.parse[1].messages[payload_format::json].add(3);
  node.parse[0].messages[payload_format::raw].add(4);
  node.parse[1].quarantined[fault_code::schema_violation].add(5);
  node.parse[1].duration.record(std::chrono::microseconds(7));
  EXPECT_EQ(value("fleetgate_parsed_total", {{"format", "json"}}), 5);
  EXPECT_EQ(value("fleetgate_parsed_total", {{"format", "raw"}}), 4);
  EXPECT_EQ(value("fleetgate_quarantined_total", {{"reason", "schema_violation"}}), 5);
  EXPECT_EQ(count_of("fleetgate_stage_duration_seconds", {{"stage", "parse"}}), 1);
}

TEST_F(probe_registration, every_cell_of_the_journal_has_its_series) {
  auto& p = node.journal;
  p.rounds.add(1);
  p.wait.record(std::uint64_t{100});
  p.envelopes[traffic_class::event].add(2);
  p.duplicates[duplicate_kind::pending].add(3);
  p.below_window.add(4);
  p.without_window.add(6);
  p.unread_rows.add(17);
  p.epochs_inferred.add(5);
  p.windows.set(6);
  p.settled[traffic_class::heartbeat].add(7);
  p.refused[fault_code::storage_full].add(8);
  p.group.record(std::uint64_t{64});
  p.sync.record(std::chrono::milliseconds(2));
  p.sync_failures.add(9);
  p.segments.set(10);
  p.damaged_records.add(11);
  p.torn_bytes.add(12);
  p.duplicates[duplicate_kind::quarantined].add(13);
  p.given_up[traffic_class::event][fault_code::spool_budget_full].add(14);
  p.marks_refused[fault_code::server_busy].add(15);
  p.appended_marks.add(16);
  EXPECT_EQ(value("fleetgate_journal_rounds_total"), 1);
  EXPECT_EQ(count_of("fleetgate_stage_duration_seconds", {{"stage", "journal_wait"}}), 1);
  EXPECT_EQ(value("fleetgate_journal_envelopes_total", {{"class", "event"}}), 2);
  EXPECT_EQ(value("fleetgate_duplicates_total", {{"reason", "pending"}}), 3);
  EXPECT_EQ(value("fleetgate_below_window_total"), 4);
  EXPECT_EQ(value("fleetgate_without_window_total"), 6);
  EXPECT_EQ(value("fleetgate_unread_state_rows_total"), 17);
  EXPECT_EQ(value("fleetgate_epochs_inferred_total"), 5);
  EXPECT_EQ(value("fleetgate_windows"), 6);
  EXPECT_EQ(value("fleetgate_settled_total", {{"class", "heartbeat"}}), 7);
  EXPECT_EQ(value("fleetgate_refused_total", {{"reason", "storage_full"}}), 8);
  EXPECT_EQ(count_of("fleetgate_journal_group_records", {}), 1);
  EXPECT_EQ(count_of("fleetgate_spool_sync_duration_seconds", {}), 1);
  EXPECT_EQ(count_of("fleetgate_stage_duration_seconds", {{"stage", "sync"}}), 1);
  EXPECT_EQ(value("fleetgate_spool_sync_failures_total"), 9);
  EXPECT_EQ(value("fleetgate_spool_segments"), 10);
  EXPECT_EQ(value("fleetgate_spool_damaged_records_total"), 11);
  EXPECT_EQ(value("fleetgate_spool_torn_bytes_total"), 12);
  EXPECT_EQ(value("fleetgate_duplicates_total", {{"reason", "quarantined"}}), 13);
  EXPECT_EQ(value("fleetgate_shed_total",
                  {{"stage", "journal"}, {"class", "event"}, {"reason", "spool_budget_full"}}),
            14);
  EXPECT_EQ(value("fleetgate_marks_refused_total", {{"reason", "server_busy"}}), 15);
  EXPECT_EQ(value("fleetgate_spool_appended_marks_total"), 16);
}

TEST_F(probe_registration, whom_the_journal_turned_away_is_summed_over_promises) {
  node.journal.refused[fault_code::spool_budget_full].add(1);
  node.journal.given_up[traffic_class::event][fault_code::spool_budget_full].add(2);
  node.journal.given_up[traffic_class::control][fault_code::spool_budget_full].add(4);
  node.journal.marks_refused[fault_code::spool_budget_full].add(8);
  EXPECT_EQ(node.journal.turned_away(fault_code::spool_budget_full), 7u);
}

TEST_F(probe_registration, every_lane_of_the_spool_has_its_series) {
  auto& p = node.journal;
  const auto lane = model::lane::event_free;
  p.appended_records[lane].add(1);
  p.appended_bytes[lane].add(2);
  p.shed[lane].add(3);
  p.spool_records[lane].set(4);
  p.spool_bytes[lane].set(5);
  p.spool_limit_bytes[lane].set(6);
  const labels l{{"lane", "event-free"}};
  EXPECT_EQ(value("fleetgate_spool_appended_records_total", l), 1);
  EXPECT_EQ(value("fleetgate_spool_appended_bytes_total", l), 2);
  EXPECT_EQ(value("fleetgate_spool_shed_total", l), 3);
  EXPECT_EQ(value("fleetgate_spool_records", l), 4);
  EXPECT_EQ(value("fleetgate_spool_bytes", l), 5);
  EXPECT_EQ(value("fleetgate_spool_limit_bytes", l), 6);
}

TEST_F(probe_registration, ages_grow_with_the_clock_and_are_zero_where_nothing_waits) {
  const auto lane = model::lane::control_owed;
  const labels l{{"lane", "control"}};
  EXPECT_EQ(value("fleetgate_spool_oldest_age_seconds", l), 0);
  node.journal.oldest_unix_ns[lane].set(node.unix_now_ns);
  node.unix_now_ns += 2'500'000'000;
  EXPECT_EQ(value("fleetgate_spool_oldest_age_seconds", l), 2.5);
  node.unix_now_ns -= 5'000'000'000;  // the clock was set back
  EXPECT_EQ(value("fleetgate_spool_oldest_age_seconds", l), 0);
}

TEST_F(probe_registration, every_cell_of_a_sink_has_its_series) {
  auto& p = node.sink;
  p.rows.add(1);
  p.bytes.add(2);
  p.batches.add(3);
  p.filtered.add(4);
  p.dead_lettered.add(5);
  p.damaged.add(6);
  p.shed.add(7);
  p.retries.add(8);
  p.errors[fault_code::sink_unavailable].add(9);
  p.lag_records.set(10);
  p.lag_oldest_unix_ns.set(node.unix_now_ns - 1'500'000'000 + 2'000'000'000);
  node.unix_now_ns += 2'000'000'000;
  p.set_circuit(circuit_state::open);
  p.paused.set(1);
  p.commit.record(std::chrono::milliseconds(3));
  const labels l{{"sink", "fleet"}};
  EXPECT_EQ(value("fleetgate_sink_rows_total", l), 1);
  EXPECT_EQ(value("fleetgate_sink_payload_bytes_total", l), 2);
  EXPECT_EQ(value("fleetgate_sink_batches_total", l), 3);
  EXPECT_EQ(value("fleetgate_sink_filtered_total", l), 4);
  EXPECT_EQ(value("fleetgate_sink_dead_lettered_total", l), 5);
  EXPECT_EQ(value("fleetgate_sink_damaged_total", l), 6);
  EXPECT_EQ(value("fleetgate_sink_shed_total", l), 7);
  EXPECT_EQ(value("fleetgate_sink_retries_total", l), 8);
  EXPECT_EQ(
      value("fleetgate_sink_errors_total", {{"sink", "fleet"}, {"reason", "sink_unavailable"}}), 9);
  EXPECT_EQ(value("fleetgate_sink_lag_records", l), 10);
  EXPECT_EQ(value("fleetgate_sink_lag_seconds", l), 1.5);
  EXPECT_EQ(value("fleetgate_sink_circuit_state", l), 2);
  EXPECT_EQ(value("fleetgate_sink_paused", l), 1);
  EXPECT_EQ(count_of("fleetgate_sink_commit_duration_seconds", l), 1);
  EXPECT_EQ(count_of("fleetgate_stage_duration_seconds", {{"stage", "sink_commit"}}), 1);
}

TEST_F(probe_registration, errors_are_summed_over_all_stages) {
  node.ingress[0].connections_rejected[fault_code::storage_io].add(1);
  node.ingress[1].connections_closed[fault_code::storage_io].add(2);
  node.ingress[1].connections_closed[fault_code::storage_io].add(4);
  node.parse[0].quarantined[fault_code::storage_io].add(8);
  node.journal.refused[fault_code::storage_io].add(16);
  node.sink.errors[fault_code::storage_io].add(32);
  EXPECT_EQ(value("fleetgate_errors_total", {{"class", "transient"}, {"fault", "storage_io"}}), 63);
}

TEST_F(probe_registration, every_fault_has_an_error_counter_from_the_start) {
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto& entry = describe(static_cast<fault_code>(i));
    EXPECT_EQ(value("fleetgate_errors_total", {{"class", std::string(to_string(entry.cls))},
                                               {"fault", std::string(entry.name)}}),
              0);
  }
}

TEST_F(probe_registration, a_mailbox_shows_depth_and_limit_by_class) {
  std::string item = "twelve bytes";
  node.box.offer(traffic_class::heartbeat, item, 12);
  const labels l{{"stage", "journal"}, {"class", "heartbeat"}};
  EXPECT_EQ(value("fleetgate_queue_items", l), 1);
  EXPECT_EQ(value("fleetgate_queue_limit_items", l), 10);
  EXPECT_EQ(value("fleetgate_queue_bytes", l), 12);
  EXPECT_EQ(value("fleetgate_queue_limit_bytes", l), 1000);
  EXPECT_EQ(value("fleetgate_queue_items", {{"stage", "journal"}, {"class", "control"}}), 0);
}

TEST_F(probe_registration, the_memory_budget_is_shown_by_class) {
  ASSERT_TRUE(node.budget.take(traffic_class::event, 100));
  EXPECT_EQ(value("fleetgate_memory_used_bytes", {{"class", "event"}}), 100);
  EXPECT_EQ(value("fleetgate_memory_limit_bytes", {{"class", "control"}}), 13 * 1024);
  EXPECT_EQ(value("fleetgate_memory_limit_bytes", {{"class", "telemetry"}}), 13 * 1024);
}

TEST_F(probe_registration, the_node_says_whether_it_is_ready_and_what_it_is) {
  EXPECT_EQ(value("fleetgate_ready"), 0);
  node.ready = true;
  EXPECT_EQ(value("fleetgate_ready"), 1);
  EXPECT_EQ(value("fleetgate_build_info", {{"version", "0.1.0"}}), 1);
}

TEST_F(probe_registration, the_process_is_described_by_its_own_numbers) {
  EXPECT_GT(value("process_resident_memory_bytes"), 1024 * 1024);
  EXPECT_GE(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
  EXPECT_GT(value("process_cpu_seconds_total"), 0);
  EXPECT_GT(value("process_start_time_seconds"), 1.7e9);
}

}  // namespace
}  // namespace fleetgate::observe
