#include "protocol/base/fault.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "protocol/base/result.hpp"

namespace fleetgate {
namespace {

constexpr std::string_view begin_mark = "<!-- faults: begin -->\n";
constexpr std::string_view end_mark = "<!-- faults: end -->";

std::filesystem::path reference_page() {
  return std::filesystem::path(__FILE__).parent_path() / "../../../docs/reference/faults.md";
}

std::string catalogue_table() {
  std::ostringstream out;
  out << "| fault | class | MQTT 5 reason | HTTP status | text |\n"
         "| --- | --- | --- | --- | --- |\n";
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto& e = describe(static_cast<fault_code>(i));
    char reason[8] = "-";
    if (e.mqtt_reason != 0) std::snprintf(reason, sizeof reason, "0x%02X", e.mqtt_reason);
    out << "| `" << e.name << "` | " << to_string(e.cls) << " | " << reason << " | "
        << e.http_status << " | " << e.text << " |\n";
  }
  return out.str();
}

TEST(fault, every_code_is_described_under_a_label_of_its_own) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto& e = describe(static_cast<fault_code>(i));
    EXPECT_TRUE(names.insert(e.name).second) << e.name;
    EXPECT_EQ(e.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_FALSE(e.text.empty());
    EXPECT_TRUE(e.http_status >= 400 && e.http_status < 600) << e.name;
    EXPECT_TRUE(e.mqtt_reason == 0 || e.mqtt_reason >= 0x80) << e.name;
    EXPECT_FALSE(to_string(e.cls).empty());
  }
}

TEST(fault, catalogue_follows_the_enum) {
  EXPECT_EQ(describe(fault_code::malformed_packet).name, "malformed_packet");
  EXPECT_EQ(describe(fault_code::malformed_packet).mqtt_reason, 0x81);
  EXPECT_EQ(describe(fault_code::packet_too_large).mqtt_reason, 0x95);
  EXPECT_EQ(describe(fault_code::internal).name, "internal");
  EXPECT_EQ(describe(fault_code::storage_full).cls, fault_class::transient);
}

// FLEETGATE_UPDATE_DOCS=1 in the environment writes the table instead of comparing it.
TEST(fault, the_reference_page_has_the_catalogue) {
  std::ostringstream whole;
  whole << std::ifstream(reference_page()).rdbuf();
  const std::string page = whole.str();
  const auto begin = page.find(begin_mark);
  const auto end = page.find(end_mark);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::string expected =
      page.substr(0, begin + begin_mark.size()) + catalogue_table() + page.substr(end);
  if (std::getenv("FLEETGATE_UPDATE_DOCS") != nullptr) {
    std::ofstream(reference_page()) << expected;
    return;
  }
  EXPECT_TRUE(page == expected)
      << "docs/reference/faults.md is out of date; run this test with FLEETGATE_UPDATE_DOCS=1";
}

TEST(fault, text_has_the_particulars_where_there_are_some) {
  EXPECT_EQ(to_string(fault(fault_code::protocol_error)), "protocol error");
  EXPECT_EQ(to_string(fault(fault_code::protocol_error, "at byte 3")), "protocol error: at byte 3");
}

TEST(result, is_a_value_or_a_fault) {
  const result<int> good = 7;
  const result<int> bad = failure(fault_code::not_found, "here");
  EXPECT_EQ(*good, 7);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, fault_code::not_found);
}

}  // namespace
}  // namespace fleetgate
