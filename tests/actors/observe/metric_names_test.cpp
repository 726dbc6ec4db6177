// The rules of `promtool check metrics` and of docs/reference/metrics.md, over everything a node
// registers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/actors/observe/exposition_parser.hpp"
#include "tests/actors/observe/wired_registry.hpp"

namespace fleetgate::observe {
namespace {

constexpr std::string_view begin_mark = "<!-- families: begin -->\n";
constexpr std::string_view end_mark = "<!-- families: end -->";

std::filesystem::path reference_page() {
  return std::filesystem::path(__FILE__).parent_path() / "../../../docs/reference/metrics.md";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string families_table(const registry& metrics) {
  std::ostringstream out;
  out << "| name | type | labels | meaning |\n| --- | --- | --- | --- |\n";
  for (const auto& f : metrics.families()) {
    std::string labels;
    for (const auto label : f.labels) {
      if (!label.empty()) labels += (labels.empty() ? "" : ", ") + std::string(label);
    }
    out << "| `" << f.name << "` | " << to_string(f.type) << " | " << labels << " | " << f.help
        << " |\n";
  }
  return out.str();
}

std::vector<std::string> split_at_underscores(const std::string& name) {
  std::istringstream in(name + "_");
  std::vector<std::string> words;
  for (std::string word; std::getline(in, word, '_');) words.push_back(word);
  return words;
}

bool is_lower_case_word(const std::string& word) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyz";
  return !word.empty() && letters.find(word[0]) != std::string::npos &&
         word.find_first_not_of(letters + "0123456789") == std::string::npos;
}

class metric_names : public testing::Test {
 protected:
  test::wired_registry node;
};

TEST_F(metric_names, both_formats_are_read_by_a_strict_parser) {
  const auto text = node.metrics.render(exposition_format::prometheus_text);
  const auto open = node.metrics.render(exposition_format::openmetrics);
  EXPECT_EQ(test::parse_exposition(text, false).size(), node.metrics.families().size());
  EXPECT_EQ(test::parse_exposition(open, true).size(), node.metrics.families().size());
}

TEST_F(metric_names, promtool_would_not_complain) {
  // No unit but the base units, no abbreviations, no type in the name.
  const std::set<std::string> unwanted{
      "ms",      "us",    "ns",        "milliseconds", "microseconds", "nanoseconds",
      "minutes", "hours", "days",      "sec",          "secs",         "kb",
      "mb",      "gb",    "kilobytes", "megabytes",    "bits",         "percent",
      "counter", "gauge", "histogram", "summary"};
  for (const auto& f : node.metrics.families()) {
    const std::string n(f.name);
    SCOPED_TRACE(n);
    const auto words = split_at_underscores(n);
    EXPECT_TRUE(words.at(0) == "fleetgate" || words.at(0) == "process");
    EXPECT_GE(words.size(), 2u);
    for (const auto& word : words) {
      EXPECT_TRUE(is_lower_case_word(word)) << word;
      EXPECT_EQ(unwanted.count(word), 0u) << word;
    }
    EXPECT_FALSE(f.help.empty());
    EXPECT_EQ(f.help.find('\n'), std::string_view::npos);
    EXPECT_TRUE(f.help.ends_with("."));
    EXPECT_EQ(n.ends_with("_total"), f.type == metric_type::counter);
    for (const auto* suffix : {"_count", "_sum", "_bucket", "_created"}) {
      EXPECT_FALSE(n.ends_with(suffix));
    }
  }
}

TEST_F(metric_names, labels_come_from_the_one_vocabulary) {
  const std::set<std::string_view> vocabulary{"actor",    "class", "fault",  "format",   "lane",
                                              "listener", "qos",   "reason", "resource", "result",
                                              "sink",     "stage", "state",  "version"};
  const std::string page = read_file(reference_page());
  for (const auto word : vocabulary) {
    EXPECT_NE(page.find("\n| `" + std::string(word) + "` |"), std::string::npos) << word;
  }
  for (const auto& f : node.metrics.families()) {
    for (const auto label : f.labels) {
      EXPECT_TRUE(label.empty() || vocabulary.count(label) == 1) << f.name << " " << label;
    }
  }
}

TEST_F(metric_names, what_an_operator_was_promised_is_there) {
  std::set<std::string_view> names;
  for (const auto& f : node.metrics.families()) names.insert(f.name);
  for (const auto* promised :
       {"fleetgate_connections", "fleetgate_connections_accepted_total",
        "fleetgate_connections_rejected_total", "fleetgate_queue_items",
        "fleetgate_queue_limit_items", "fleetgate_queue_bytes", "fleetgate_queue_limit_bytes",
        "fleetgate_stage_duration_seconds", "fleetgate_errors_total", "fleetgate_spool_bytes",
        "fleetgate_spool_oldest_age_seconds", "fleetgate_sink_lag_records",
        "fleetgate_sink_lag_seconds"}) {
    EXPECT_EQ(names.count(promised), 1u) << promised;
  }
}

// FLEETGATE_UPDATE_DOCS=1 in the environment writes the table instead of comparing it.
TEST_F(metric_names, the_reference_page_lists_exactly_these_families) {
  const std::string page = read_file(reference_page());
  const auto begin = page.find(begin_mark);
  const auto end = page.find(end_mark);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::string expected =
      page.substr(0, begin + begin_mark.size()) + families_table(node.metrics) + page.substr(end);
  if (std::getenv("FLEETGATE_UPDATE_DOCS") != nullptr) {
    std::ofstream(reference_page()) << expected;
    return;
  }
  EXPECT_TRUE(page == expected)
      << "docs/reference/metrics.md is out of date; run this test with FLEETGATE_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace fleetgate::observe
