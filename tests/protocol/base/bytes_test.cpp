#include "protocol/base/bytes.hpp"

#include <gtest/gtest.h>

namespace fleetgate {
namespace {

TEST(byte_reader, reads_network_order) {
  byte_reader in(as_bytes(
      std::string_view("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F", 15)));
  EXPECT_EQ(in.u8(), 0x01);
  EXPECT_EQ(in.u16(), 0x0203);
  EXPECT_EQ(in.u32(), 0x04050607u);
  EXPECT_EQ(in.offset(), 7u);
  EXPECT_EQ(in.u64(), 0x08090A0B0C0D0E0Fu);
  EXPECT_TRUE(in.empty());
}

TEST(byte_reader, takes_nothing_where_too_little_remains) {
  byte_reader in(as_bytes("abc"));
  EXPECT_FALSE(in.u32());
  EXPECT_FALSE(in.u64());
  EXPECT_FALSE(in.take(4));
  EXPECT_FALSE(in.sub(4));
  EXPECT_EQ(in.remaining(), 3u);
  EXPECT_EQ(as_text(*in.take(3)), "abc");
  EXPECT_FALSE(in.u8());
  EXPECT_TRUE(in.take(0));
}

TEST(byte_reader, sub_reader_cannot_leave_its_part) {
  byte_reader in(as_bytes("abcdef"));
  auto part = in.sub(2);
  ASSERT_TRUE(part);
  EXPECT_EQ(in.remaining(), 4u);
  EXPECT_FALSE(part->take(3));
  EXPECT_EQ(as_text(part->rest()), "ab");
  EXPECT_EQ(as_text(in.rest()), "cdef");
}

TEST(byte_writer, appends_what_the_reader_reads) {
  std::string out = "x";
  byte_writer w(out);
  w.u8(0xFF);
  w.u16(0x0102);
  w.u32(0x03040506);
  w.u64(0x0708090A0B0C0D0E);
  w.raw("tail");
  EXPECT_EQ(w.size(), 1u + 1 + 2 + 4 + 8 + 4);
  byte_reader in(as_bytes(out));
  EXPECT_EQ(in.u8(), 'x');
  EXPECT_EQ(in.u8(), 0xFF);
  EXPECT_EQ(in.u16(), 0x0102);
  EXPECT_EQ(in.u32(), 0x03040506u);
  EXPECT_EQ(in.u64(), 0x0708090A0B0C0D0Eu);
  EXPECT_EQ(as_text(in.rest()), "tail");
}

}  // namespace
}  // namespace fleetgate
