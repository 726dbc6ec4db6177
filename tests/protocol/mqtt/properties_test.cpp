#include "protocol/mqtt/properties.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/mqtt/property_rules.hpp"
#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

using id = property_id;

TEST(properties, none_are_empty_in_every_way) {
  const properties none;
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(none.begin() == properties::end());
  EXPECT_FALSE(none.has(id::user_property));
  EXPECT_FALSE(none.payload_is_utf8());
  EXPECT_FALSE(none.message_expiry_s());
  EXPECT_FALSE(none.correlation_data());
  EXPECT_FALSE(none.response_topic());
  EXPECT_EQ(none.content_type(), "");
  const auto users = none.user_properties();
  EXPECT_TRUE(users.begin() == users.end());
}

TEST(properties, list_reads_back_in_its_order) {
  property_list list;
  list.add_user("a", "1")
      .add(id::content_type, "json")
      .add_user("", "2")
      .add(id::message_expiry_interval, 9);
  const auto view = list.view();
  std::vector<id> order;
  for (const auto& p : view) order.push_back(p.id);
  EXPECT_EQ(order, (std::vector<id>{id::user_property, id::content_type, id::user_property,
                                    id::message_expiry_interval}));
  EXPECT_EQ(view.content_type(), "json");
  EXPECT_EQ(view.message_expiry_s(), 9u);
  std::string users;
  for (const auto& u : view.user_properties()) users.append(u.text).append("=").append(u.value);
  EXPECT_EQ(users, "a=1=2");
  EXPECT_EQ(std::distance(view.begin(), view.end()), 4);
}

/// Table 2-4 of section 2.2.2.2, column by column: the identifiers that each packet may have.
TEST(properties, each_packet_has_those_of_table_2_4) {
  using place = property_place;
  const std::vector<std::pair<place, std::vector<int>>> table = {
      {place::connect, {0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27}},
      {place::will, {0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26}},
      {place::connack,
       {0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28,
        0x29, 0x2A}},
      {place::publish, {0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26}},
      {place::puback, {0x1F, 0x26}},
      {place::pubrec, {0x1F, 0x26}},
      {place::pubrel, {0x1F, 0x26}},
      {place::pubcomp, {0x1F, 0x26}},
      {place::subscribe, {0x0B, 0x26}},
      {place::suback, {0x1F, 0x26}},
      {place::unsubscribe, {0x26}},
      {place::unsuback, {0x1F, 0x26}},
      {place::disconnect, {0x11, 0x1C, 0x1F, 0x26}},
      {place::auth, {0x15, 0x16, 0x1F, 0x26}},
  };
  for (const auto& [where, allowed] : table) {
    std::vector<int> found;
    for (int i = 0; i < 256; ++i) {
      const auto& rule = rule_of(static_cast<std::uint8_t>(i));
      if (rule.type != property_type::none && rule.allowed_in(where)) found.push_back(i);
    }
    EXPECT_EQ(found, allowed) << static_cast<int>(where);
  }
}

std::string publish_with_user_properties(std::size_t count) {
  property_list list;
  for (std::size_t i = 0; i < count; ++i) list.add_user("k", "v");
  publish_packet p;
  p.topic = "t";
  p.props = list.view();
  return encoded(p, protocol_version::v5);
}

TEST(properties, sixty_four_are_accepted_and_one_more_is_not) {
  const auto good = publish_with_user_properties(maximum_property_count);
  EXPECT_TRUE(decode_publish(frame_of(good), protocol_version::v5, receiver::server));
  const auto bad = publish_with_user_properties(maximum_property_count + 1);
  const auto got = decode_publish(frame_of(bad), protocol_version::v5, receiver::server);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, fault_code::quota_exceeded);
}

TEST(properties, a_hundred_thousand_are_refused_after_sixty_four) {
  const auto bytes = publish_with_user_properties(100'000);
  ASSERT_GT(bytes.size(), 600'000u);
  const auto got = decode_publish(frame_of(bytes), protocol_version::v5, receiver::server);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, fault_code::quota_exceeded);
  // Fixed header 4, topic 3, Property Length 3, and 64 properties of 7 bytes: nothing beyond was
  // read.
  EXPECT_EQ(got.error().offset, 4u + 3 + 3 + 64 * 7);
}

}  // namespace
}  // namespace fleetgate::mqtt
