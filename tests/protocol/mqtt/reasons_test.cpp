#include "protocol/mqtt/reasons.hpp"

#include <gtest/gtest.h>

namespace fleetgate::mqtt {
namespace {

TEST(reasons, every_fault_has_a_code_that_each_answer_may_carry) {
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto why = static_cast<fault_code>(i);
    for (const auto type : {packet_type::connack, packet_type::puback, packet_type::pubrec,
                            packet_type::pubcomp, packet_type::disconnect}) {
      const auto reason = reason_for(type, why);
      EXPECT_GE(reason, 0x80) << describe(why).name;
      EXPECT_TRUE(reason_allowed(type, receiver::client, reason)) << describe(why).name;
    }
  }
}

TEST(reasons, catalogue_code_is_kept_where_it_is_allowed) {
  EXPECT_EQ(reason_for(packet_type::disconnect, fault_code::server_shutting_down), 0x8B);
  EXPECT_EQ(reason_for(packet_type::disconnect, fault_code::keep_alive_timeout), 0x8D);
  EXPECT_EQ(reason_for(packet_type::connack, fault_code::bad_user_name_or_password), 0x86);
  EXPECT_EQ(reason_for(packet_type::puback, fault_code::payload_format_invalid), 0x99);
  EXPECT_EQ(reason_for(packet_type::pubrec, fault_code::not_authorized), 0x87);
}

TEST(reasons, nearest_code_stands_in_elsewhere) {
  EXPECT_EQ(reason_for(packet_type::connack, fault_code::server_shutting_down), 0x88);
  EXPECT_EQ(reason_for(packet_type::connack, fault_code::connect_timeout), 0x80);
  EXPECT_EQ(reason_for(packet_type::puback, fault_code::schema_violation), 0x99);
  EXPECT_EQ(reason_for(packet_type::puback, fault_code::malformed_packet), 0x80);
  EXPECT_EQ(reason_for(packet_type::disconnect, fault_code::bad_user_name_or_password), 0x87);
  EXPECT_EQ(reason_for(packet_type::disconnect, fault_code::peer_closed), 0x80);
  EXPECT_EQ(reason_for(packet_type::pubcomp, fault_code::storage_io), 0x92);
}

TEST(reasons, version_3_has_five_refusals) {
  EXPECT_EQ(return_code_v3(fault_code::unsupported_protocol_version), 1);
  EXPECT_EQ(return_code_v3(fault_code::client_identifier_not_valid), 2);
  EXPECT_EQ(return_code_v3(fault_code::server_busy), 3);
  EXPECT_EQ(return_code_v3(fault_code::storage_full), 3);
  EXPECT_EQ(return_code_v3(fault_code::bad_user_name_or_password), 4);
  EXPECT_EQ(return_code_v3(fault_code::not_authorized), 5);
  EXPECT_EQ(return_code_v3(fault_code::bad_authentication_method), 5);
  EXPECT_EQ(return_code_v3(fault_code::malformed_packet), std::nullopt);
}

TEST(reasons, disconnect_codes_have_a_direction) {
  EXPECT_TRUE(reason_allowed(packet_type::disconnect, receiver::server, 0x04));
  EXPECT_FALSE(reason_allowed(packet_type::disconnect, receiver::client, 0x04));
  EXPECT_FALSE(reason_allowed(packet_type::disconnect, receiver::server, 0x8B));
  EXPECT_TRUE(reason_allowed(packet_type::disconnect, receiver::client, 0xA2));
}

}  // namespace
}  // namespace fleetgate::mqtt
