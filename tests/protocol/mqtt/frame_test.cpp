#include "protocol/mqtt/frame.hpp"

#include <gtest/gtest.h>

#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

constexpr std::size_t plenty = 1 << 29;

struct length_case {
  std::uint32_t value;
  const char* spec;
};

TEST(frame, remaining_length_at_every_boundary) {
  // Table 2-4 of 3.1.1, section 2.2.3.
  for (const auto& c : {length_case{0, "00"},
                        {127, "7F"},
                        {128, "8001"},
                        {16'383, "FF7F"},
                        {16'384, "808001"},
                        {2'097'151, "FFFF7F"},
                        {2'097'152, "80808001"}}) {
    const auto header = bytes_of(std::string("30") + c.spec);
    const auto bytes = header + std::string(c.value, 'x');
    const auto got = next_frame(as_bytes(bytes), plenty);
    ASSERT_TRUE(std::holds_alternative<frame>(got)) << c.value;
    EXPECT_EQ(std::get<frame>(got).body.size(), c.value);
    EXPECT_EQ(std::get<frame>(got).size(), bytes.size());
    EXPECT_TRUE(std::get<frame>(got).shortest_length);
    if (c.value == 0) continue;
    const auto short_of_one = as_bytes(bytes).first(bytes.size() - 1);
    EXPECT_TRUE(std::holds_alternative<need_more>(next_frame(short_of_one, plenty))) << c.value;
  }
}

TEST(frame, needs_more_until_the_header_is_whole) {
  for (const auto* spec : {"", "30", "30 80", "30 8080", "30 808080", "30 FFFFFF 7F"}) {
    const auto bytes = bytes_of(spec);
    EXPECT_TRUE(std::holds_alternative<need_more>(next_frame(as_bytes(bytes), plenty))) << spec;
  }
}

TEST(frame, fifth_length_byte_is_malformed_before_it_arrives) {
  const auto bytes = bytes_of("30 80808080");
  const auto got = next_frame(as_bytes(bytes), plenty);
  ASSERT_TRUE(std::holds_alternative<decode_fault>(got));
  EXPECT_EQ(std::get<decode_fault>(got).code, fault_code::malformed_packet);
}

TEST(frame, too_large_is_refused_from_the_header_and_counts_the_header) {
  const auto bytes = bytes_of("30 8001");  // 131 bytes in all
  EXPECT_TRUE(std::holds_alternative<need_more>(next_frame(as_bytes(bytes), 131)));
  const auto got = next_frame(as_bytes(bytes), 130);
  ASSERT_TRUE(std::holds_alternative<decode_fault>(got));
  EXPECT_EQ(std::get<decode_fault>(got).code, fault_code::packet_too_large);
}

TEST(frame, longer_than_needed_length_is_marked) {
  const auto bytes = bytes_of("C0 8000");
  const auto got = next_frame(as_bytes(bytes), plenty);
  ASSERT_TRUE(std::holds_alternative<frame>(got));
  EXPECT_FALSE(std::get<frame>(got).shortest_length);
}

TEST(frame, first_byte_alone_refuses_all_reserved_types_and_flags) {
  int good = 0;
  for (int first = 0; first < 256; ++first) {
    const auto refused = check_first_byte(static_cast<std::byte>(first));
    const auto byte = std::string(1, static_cast<char>(first));
    const bool framed_fault =
        std::holds_alternative<decode_fault>(next_frame(as_bytes(byte), plenty));
    EXPECT_EQ(refused.has_value(), framed_fault);
    if (refused) {
      EXPECT_EQ(refused->code, fault_code::malformed_packet);
    } else {
      ++good;
    }
  }
  // 14 types with one value each, PUBLISH with QoS 0 (2), 1 (4) and 2 (4).
  EXPECT_EQ(good, 14 + 10);
}

TEST(frame, next_packet_begins_where_this_one_ends) {
  const auto bytes = bytes_of("C0 00 D0 00 E0");
  const auto first = std::get<frame>(next_frame(as_bytes(bytes), plenty));
  EXPECT_EQ(first.type, packet_type::pingreq);
  const auto second = std::get<frame>(next_frame(as_bytes(bytes).subspan(first.size()), plenty));
  EXPECT_EQ(second.type, packet_type::pingresp);
}

TEST(frame, types_have_a_direction) {
  EXPECT_TRUE(may_receive(receiver::server, packet_type::connect));
  EXPECT_FALSE(may_receive(receiver::client, packet_type::connect));
  EXPECT_FALSE(may_receive(receiver::server, packet_type::suback));
  EXPECT_TRUE(may_receive(receiver::client, packet_type::suback));
  EXPECT_TRUE(may_receive(receiver::client, packet_type::publish));
  EXPECT_EQ(to_string(packet_type::unsuback), "UNSUBACK");
}

}  // namespace
}  // namespace fleetgate::mqtt
