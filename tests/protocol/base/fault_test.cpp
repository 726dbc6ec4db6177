#include "protocol/base/fault.hpp"

#include <gtest/gtest.h>

#include <set>

#include "protocol/base/result.hpp"

namespace fleetgate {
namespace {

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
