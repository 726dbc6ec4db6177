// Cutting frames out of a stream of bytes.
#include "protocol/native/frame.hpp"

#include <gtest/gtest.h>

#include "tests/protocol/native/support.hpp"

namespace fleetgate::native {
namespace {

framed cut(std::string_view spec, std::size_t maximum = 1 << 20) {
  static std::string bytes;
  bytes = bytes_of(spec);
  return next_frame(as_bytes(bytes), maximum);
}

decode_fault fault_in(std::string_view spec, std::size_t maximum = 1 << 20) {
  const auto got = cut(spec, maximum);
  if (!std::holds_alternative<decode_fault>(got)) throw std::runtime_error("no fault");
  return std::get<decode_fault>(got);
}

TEST(frame, any_array_header_opens_one) {
  for (const auto* spec : {"## 92 08 07", "## DC 0002 08 07", "## DD 00000002 08 07"}) {
    const auto f = std::get<frame>(cut(spec));
    EXPECT_EQ(f.type, frame_type::ping);
    EXPECT_EQ(f.fields, 1u);
    EXPECT_EQ(hex(text(f.body)), "07");
    EXPECT_EQ(f.size(), bytes_of(spec).size());
  }
}

TEST(frame, what_follows_is_left) {
  const auto f = std::get<frame>(cut("00000002 91 08 00000002 91 09"));
  EXPECT_EQ(f.size(), 6u);
}

TEST(frame, too_long_is_refused_from_its_length) {
  EXPECT_EQ(fault_in("00 10 00 00").code, fault_code::packet_too_large);
  EXPECT_EQ(fault_in("FF FF FF FF").code, fault_code::packet_too_large);
  EXPECT_TRUE(std::holds_alternative<need_more>(cut("00 0F FF FC")));
  EXPECT_EQ(fault_in("'GET / HTTP/1.1'").code, fault_code::packet_too_large);
  EXPECT_TRUE(std::holds_alternative<frame>(cut("## 91 08", 6)));
  EXPECT_EQ(fault_in("## 91 08", 5).code, fault_code::packet_too_large);
}

TEST(frame, wrong_opening_is_refused_before_the_frame_is_there) {
  EXPECT_EQ(fault_in("00 00 00 09 82").what, "a frame is a MessagePack array");
  EXPECT_EQ(fault_in("00 00 00 09 90").what, "a frame without a type");
  for (const auto* type : {"00 00 00 09 92 00", "00 00 00 09 92 0C", "00 00 00 09 92 A1"}) {
    const auto f = fault_in(type);
    EXPECT_EQ(f.what, "no such frame type");
    EXPECT_EQ(f.offset, 5u);
  }
}

TEST(frame, one_that_ends_within_its_opening_is_none) {
  for (const auto* spec : {"00 00 00 00", "00 00 00 01 91", "00 00 00 02 DC 00"}) {
    EXPECT_EQ(fault_in(spec).code, fault_code::malformed_packet) << spec;
  }
}

TEST(frame, type_is_announced_before_the_frame_is_there) {
  EXPECT_EQ(announced_type(as_bytes(bytes_of("00 00 00 09 92"))), std::nullopt);
  EXPECT_EQ(announced_type(as_bytes(bytes_of("00 00 00 09 92 03"))), frame_type::publish);
  EXPECT_EQ(announced_type(as_bytes(bytes_of("00 00 00 09 92 55"))), std::nullopt);
  EXPECT_EQ(announced_type(as_bytes(bytes_of("00 00 00"))), std::nullopt);
}

TEST(frame, each_type_has_its_direction_and_its_name) {
  for (int i = 1; i <= 11; ++i) {
    const auto type = static_cast<frame_type>(i);
    EXPECT_TRUE(may_receive(receiver::server, type) || may_receive(receiver::client, type));
    EXPECT_FALSE(to_string(type).empty());
  }
  EXPECT_FALSE(may_receive(receiver::server, frame_type::ack));
  EXPECT_FALSE(may_receive(receiver::client, frame_type::batch));
  const auto wrong_way = decode(frame_of(bytes_of("## 92 03 03")), receiver::client);
  EXPECT_EQ(wrong_way.error().code, fault_code::protocol_error);
}

}  // namespace
}  // namespace fleetgate::native
