#include "actors/observe/registry.hpp"

#include <gtest/gtest.h>

#include "tests/actors/observe/exposition_parser.hpp"

namespace fleetgate::observe {
namespace {

using test::parse_exposition;
using test::sample_value;
using enum exposition_format;

constexpr metric_family messages{"x_messages_total", "Messages.", metric_type::counter, {"class"}};
constexpr metric_family depth{"x_depth", "Depth.", metric_type::gauge};
constexpr metric_family wait{"x_wait_seconds", "Wait.", metric_type::histogram};
constexpr metric_family group{"x_group_records", "Group.", metric_type::histogram};

TEST(registry, one_series_from_several_shards_is_summed) {
  registry r;
  counter a;
  counter b;
  counter other;
  r.add(messages, {"event"}, a);
  r.add(messages, {"event"}, b);
  r.add(messages, {"control"}, other);
  a.add(2);
  b.add(3);
  other.add(7);
  const auto all = parse_exposition(r.render(prometheus_text), false);
  EXPECT_EQ(sample_value(all, "x_messages_total", "x_messages_total", {{"class", "event"}}), 5);
  EXPECT_EQ(sample_value(all, "x_messages_total", "x_messages_total", {{"class", "control"}}), 7);
  EXPECT_EQ(all.at("x_messages_total").samples.size(), 2u);
}

TEST(registry, renders_what_the_cells_hold_now) {
  registry r;
  counter c;
  r.add(messages, {"event"}, c);
  for (const int expected : {0, 1, 2}) {
    const auto all = parse_exposition(r.render(openmetrics), true);
    EXPECT_EQ(sample_value(all, "x_messages", "x_messages_total", {{"class", "event"}}), expected);
    ++c;
  }
}

TEST(registry, gauges_are_scaled_and_callbacks_added) {
  registry r;
  gauge g;
  r.add(depth, {}, g, 0.5);
  r.add(depth, {}, [] { return 10.0; });
  g.set(-3);
  const auto all = parse_exposition(r.render(prometheus_text), false);
  EXPECT_EQ(sample_value(all, "x_depth", "x_depth"), 8.5);
}

TEST(registry, a_rare_series_shows_up_once_it_has_happened) {
  registry r;
  counter usual;
  counter rare;
  r.add(messages, {"usual"}, usual);
  r.add(messages, {"rare"}, rare, shown::once_used);
  EXPECT_EQ(r.render(prometheus_text).find("rare"), std::string::npos);
  EXPECT_NE(r.render(prometheus_text).find("usual"), std::string::npos);
  ++rare;
  EXPECT_NE(r.render(prometheus_text).find("x_messages_total{class=\"rare\"} 1\n"),
            std::string::npos);
}

TEST(registry, durations_are_exported_in_seconds_and_summed_over_shards) {
  registry r;
  histogram a;
  histogram b;
  r.add(wait, {}, a);
  r.add(wait, {}, b);
  a.record(std::chrono::microseconds(100));
  b.record(std::chrono::seconds(2));
  b.record(std::chrono::hours(1));
  for (const auto format : {prometheus_text, openmetrics}) {
    const auto all = parse_exposition(r.render(format), format == openmetrics);
    const auto bucket = [&](const std::string& le) {
      return sample_value(all, "x_wait_seconds", "x_wait_seconds_bucket", {{"le", le}});
    };
    EXPECT_EQ(bucket("6.5536e-05"), 0);
    EXPECT_EQ(bucket("0.000131072"), 1);
    EXPECT_EQ(bucket("4.294967296"), 2);
    EXPECT_EQ(bucket("+Inf"), 3);
    EXPECT_EQ(sample_value(all, "x_wait_seconds", "x_wait_seconds_count"), 3);
    EXPECT_NEAR(sample_value(all, "x_wait_seconds", "x_wait_seconds_sum"), 3602.0001, 1e-6);
  }
}

TEST(registry, sizes_are_exported_as_they_are) {
  registry r;
  histogram h;
  r.add(group, {}, h);
  h.record(std::uint64_t{1});
  h.record(std::uint64_t{64});
  h.record(std::uint64_t{65});
  const auto all = parse_exposition(r.render(openmetrics), true);
  const auto bucket = [&](const std::string& le) {
    return sample_value(all, "x_group_records", "x_group_records_bucket", {{"le", le}});
  };
  EXPECT_EQ(bucket("1.0"), 1);
  EXPECT_EQ(bucket("64.0"), 2);
  EXPECT_EQ(bucket("128.0"), 3);
  EXPECT_EQ(sample_value(all, "x_group_records", "x_group_records_sum"), 130);
}

}  // namespace
}  // namespace fleetgate::observe
