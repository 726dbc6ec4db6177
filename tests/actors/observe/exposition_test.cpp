#include "actors/observe/exposition.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/actors/observe/exposition_parser.hpp"

namespace fleetgate::observe {
namespace {

using enum exposition_format;

TEST(negotiate, takes_what_the_client_likes_best) {
  // As Prometheus 2.4x sends it.
  EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                      "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            openmetrics);
  EXPECT_EQ(negotiate("application/openmetrics-text"), openmetrics);
  EXPECT_EQ(negotiate("Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8"), openmetrics);
  EXPECT_EQ(negotiate("text/plain;q=0.3, application/openmetrics-text;q=0.4"), openmetrics);
}

TEST(negotiate, is_prometheus_text_otherwise) {
  for (const auto* accept :
       {"", "*/*", "text/html", "text/plain", "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;q=0", "application/openmetrics-text;q=0.4,text/*;q=0.5",
        "application/openmetrics-text;q=nonsense", "application/openmetrics-text;q=5",
        "application/openmetrics-text,*/*", ";;;,,,=", "application/openmetrics-textual"}) {
    EXPECT_EQ(negotiate(accept), prometheus_text) << accept;
  }
}

TEST(exposition, hostile_label_values_survive_both_formats) {
  const std::string hostile = "a\"} 1\nfake{x=\"\\";
  for (const auto format : {prometheus_text, openmetrics}) {
    exposition_writer w(format);
    w.family("x_total", "quotes \" and\nlines \\", metric_type::counter);
    w.sample("x_total", {{"sink", hostile}}, std::uint64_t{3});
    const auto all = test::parse_exposition(std::move(w).finish(), format == openmetrics);
    ASSERT_EQ(all.size(), 1u);
    const auto& f = all.begin()->second;
    EXPECT_EQ(f.help, "quotes \" and\nlines \\");
    EXPECT_EQ(test::sample_value(all, f.name, "x_total", {{"sink", hostile}}), 3);
  }
}

TEST(exposition, whole_numbers_are_exact_beyond_two_to_the_53) {
  exposition_writer w(prometheus_text);
  w.family("x_total", "x", metric_type::counter);
  w.sample("x_total", {}, std::numeric_limits<std::uint64_t>::max());
  EXPECT_NE(std::move(w).finish().find("\nx_total 18446744073709551615\n"), std::string::npos);
}

TEST(exposition, openmetrics_names_families_units_and_the_end) {
  exposition_writer w(openmetrics);
  w.family("x_received_bytes_total", "x", metric_type::counter);
  w.sample("x_received_bytes_total", {}, std::uint64_t{1});
  EXPECT_EQ(std::move(w).finish(),
            "# HELP x_received_bytes x\n# TYPE x_received_bytes counter\n"
            "# UNIT x_received_bytes bytes\nx_received_bytes_total 1\n# EOF\n");
}

TEST(exposition, special_numbers_have_their_prometheus_names) {
  exposition_writer w(prometheus_text);
  w.sample("a", {}, std::numeric_limits<double>::infinity());
  w.sample("b", {}, -std::numeric_limits<double>::infinity());
  w.sample("c", {}, std::numeric_limits<double>::quiet_NaN());
  w.sample("d", {}, 0.25);
  EXPECT_EQ(std::move(w).finish(), "a +Inf\nb -Inf\nc NaN\nd 0.25\n");
}

TEST(exposition, bounds_are_canonical_in_openmetrics) {
  EXPECT_EQ(exposition_writer(openmetrics).bound(4), "4.0");
  EXPECT_EQ(exposition_writer(openmetrics).bound(1.024e-06), "1.024e-06");
  EXPECT_EQ(exposition_writer(prometheus_text).bound(4), "4");
}

}  // namespace
}  // namespace fleetgate::observe
