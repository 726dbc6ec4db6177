#include "deploy/fleetsim/comparison.hpp"

#include <gtest/gtest.h>

namespace fleetgate::fleetsim {
namespace {

constexpr std::uint32_t boot = 40;

fleet_identity two_topics() {
  fleet_identity f;
  f.first_boot = boot;
  f.topics = {"devices/{device}/even", "devices/{device}/odd"};
  return f;
}

ack_record record(record_kind kind, std::uint64_t sequence, std::uint32_t of_boot = boot) {
  ack_record r;
  r.kind = kind;
  r.device = 3;
  r.boot = of_boot;
  r.sequence = sequence;
  return r;
}

table_row row(std::int64_t sequence, std::int64_t epoch = boot) {
  return {"sim-3", epoch, sequence, sequence % 2 == 0 ? "event" : "telemetry"};
}

/// Sequences 1 to 10 are acknowledged.
class comparison_of_ten : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t n = 1; n <= 10; ++n) c.add(record(record_kind::acknowledged, n));
  }
  void store(std::initializer_list<std::int64_t> sequences) {
    for (const std::int64_t n : sequences) c.add(row(n));
  }
  comparison c{two_topics()};
};

TEST_F(comparison_of_ten, all_stored_once_in_order_is_no_finding) {
  store({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const findings f = c.result();
  EXPECT_EQ(f.total(), (class_findings{10, 0, 0, 0}));
  EXPECT_EQ(f.by_class.at("event"), (class_findings{5, 0, 0, 0}));
  EXPECT_EQ(f.acknowledged, 10U);
  EXPECT_TRUE(f.examples.empty());
}

TEST_F(comparison_of_ten, a_missing_row_is_lost_in_the_class_of_its_topic) {
  store({1, 2, 3, 4, 5, 8, 9, 10});
  const findings f = c.result();
  EXPECT_EQ(f.by_class.at("event").lost, 1U);
  EXPECT_EQ(f.by_class.at("telemetry").lost, 1U);
  ASSERT_EQ(f.examples.size(), 1U);
  EXPECT_EQ(f.examples[0].device, "sim-3");
  EXPECT_EQ(f.examples[0].boot, boot);
  EXPECT_EQ(f.examples[0].sequences, (range_set::range{6, 7}));
}

TEST_F(comparison_of_ten, a_class_without_a_row_goes_by_its_topic) {
  store({1, 3, 5, 7, 9});
  const findings f = c.result();
  EXPECT_EQ(f.by_class.at("devices/{device}/even").lost, 5U);
  EXPECT_EQ(f.total().lost, 5U);
}

TEST_F(comparison_of_ten, a_second_row_is_a_duplicate_and_not_reordered) {
  store({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 4});
  EXPECT_EQ(c.result().by_class.at("event"), (class_findings{6, 0, 1, 0}));
}

TEST_F(comparison_of_ten, a_late_row_is_reordered_within_its_class_only) {
  store({2, 1, 3, 4, 6, 5, 10, 7, 8, 9});
  const findings f = c.result();
  EXPECT_EQ(f.by_class.at("telemetry").reordered, 0U);
  EXPECT_EQ(f.by_class.at("event"), (class_findings{5, 0, 0, 1})) << "8 behind 10";
}

TEST_F(comparison_of_ten, a_row_whose_acknowledgement_did_not_arrive_is_no_fault) {
  store({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const findings f = c.result();
  EXPECT_EQ(f.unlogged, 1U);
  EXPECT_EQ(f.total(), (class_findings{11, 0, 0, 0}));
}

TEST_F(comparison_of_ten, boots_are_compared_apart) {
  c.add(record(record_kind::boot, 0, boot + 1));
  c.add(record(record_kind::acknowledged, 1, boot + 1));
  store({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  EXPECT_EQ(c.result().total().lost, 1U);
  c.add(row(1, boot + 1));
  EXPECT_EQ(c.result().total(), (class_findings{11, 0, 0, 0}));
}

TEST_F(comparison_of_ten, rows_of_others_and_of_other_runs_are_passed_over) {
  c.add({"pump-3", boot, 1, "event"});
  c.add({"sim-03", boot, 1, "event"});
  c.add({"sim-", boot, 1, "event"});
  c.add(row(1, boot + 100));
  c.add(row(1, -1));
  c.add(row(-1));
  EXPECT_EQ(c.result().foreign, 6U);
  EXPECT_EQ(c.result().total().rows, 0U);
}

TEST_F(comparison_of_ten, rows_without_numbers_are_counted_apart) {
  c.add({"sim-3", std::nullopt, 1, "event"});
  c.add({"sim-3", boot, std::nullopt, "event"});
  EXPECT_EQ(c.result().unnumbered, 2U);
}

TEST_F(comparison_of_ten, what_was_refused_is_not_expected) {
  c.add(record(record_kind::refused, 11));
  store({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  EXPECT_EQ(c.result().refused, 1U);
  EXPECT_EQ(c.result().total().lost, 0U);
}

TEST(comparison, examples_are_bounded) {
  comparison c{two_topics()};
  for (std::uint64_t n = 1; n <= 1000; n += 2) c.add(record(record_kind::acknowledged, n));
  EXPECT_EQ(c.result().examples.size(), findings::most_examples);
  EXPECT_EQ(c.result().total().lost, 500U);
}

}  // namespace
}  // namespace fleetgate::fleetsim
