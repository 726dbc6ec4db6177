// The MessagePack subset: every encoding of each kind, its bounds, and the passing over of the
// rest.
#include "protocol/native/value_reader.hpp"

#include <gtest/gtest.h>

#include "protocol/native/value_writer.hpp"
#include "tests/protocol/native/support.hpp"

namespace fleetgate::native {
namespace {

constexpr std::uint64_t no_bound = ~std::uint64_t{0};

TEST(value_reader, numbers_in_every_encoding) {
  for (const auto& [spec, n] : {std::pair<const char*, std::uint64_t>{"07", 7},
                                {"7F", 127},
                                {"CC 07", 7},
                                {"CC FF", 255},
                                {"CD 0007", 7},
                                {"CE 00000007", 7},
                                {"CF 0000000000000007", 7},
                                {"CF FFFFFFFFFFFFFFFF", no_bound},
                                {"D0 7F", 127},
                                {"D1 0100", 256},
                                {"D2 00010000", 65'536},
                                {"D3 0000000100000000", 1ull << 32}}) {
    const auto bytes = bytes_of(spec);
    value_reader in(as_bytes(bytes), 0);
    EXPECT_EQ(in.number(no_bound), n) << spec;
    EXPECT_TRUE(in.ok() && in.remaining() == 0) << spec;
  }
}

TEST(value_reader, negative_and_other_numbers_are_faults) {
  for (const auto* spec :
       {"E0", "FF", "D0 80", "D1 8000", "D2 80000000", "D3 8000000000000000", "CA 3F800000",
        "CB 3FF0000000000000", "C2", "C0", "A1 31", "CD 01", ""}) {
    const auto bytes = bytes_of(spec);
    value_reader in(as_bytes(bytes), 0);
    EXPECT_EQ(in.number(no_bound), 0u) << spec;
    EXPECT_FALSE(in.ok()) << spec;
  }
}

TEST(value_reader, shortest_forms_come_back) {
  for (const std::uint64_t n : {0ull, 127ull, 128ull, 255ull, 256ull, 65'535ull, 65'536ull,
                                0xFFFF'FFFFull, 0x1'0000'0000ull, ~0ull}) {
    std::string out;
    value_writer(out).number(n);
    value_reader in(as_bytes(out), 0);
    EXPECT_EQ(in.number(no_bound), n);
    EXPECT_EQ(in.remaining(), 0u);
  }
  for (const std::size_t size : {0u, 31u, 32u, 255u, 256u, 65'535u, 65'536u}) {
    const std::string s(size, 'x');
    std::string out;
    value_writer w(out);
    w.text(s);
    w.binary(as_bytes(s));
    w.array(size);
    value_reader in(as_bytes(out), 0);
    EXPECT_EQ(in.text(size), s);
    EXPECT_EQ(as_text(in.binary(size)), s);
    EXPECT_TRUE(in.ok() && in.at_array());
  }
}

TEST(value_reader, first_fault_sticks) {
  const auto bytes = bytes_of("07 C1 07");
  value_reader in(as_bytes(bytes), 100);
  EXPECT_EQ(in.number(9), 7u);
  EXPECT_EQ(in.text(9), "");
  EXPECT_EQ(in.number(9), 0u);
  EXPECT_EQ(in.why().what, "text belongs here");
  EXPECT_EQ(in.why().offset, 102u);
}

TEST(value_reader, every_kind_of_value_can_be_passed_over) {
  for (const auto* spec : {"00",
                           "7F",
                           "E0",
                           "FF",
                           "C0",
                           "C2",
                           "C3",
                           "80",
                           "81 01 02",
                           "8F 01020304050607080910"
                           "0102030405060708091011121314151617181920",
                           "90",
                           "92 01 02",
                           "A0",
                           "A2 'ab'",
                           "BF 'aaaaaaaa"
                           "aaaaaaaaaaaaaaaaaaaaaaa'",
                           "C4 01 FF",
                           "C5 0001 FF",
                           "C6 00000001 FF",
                           "C7 01 05 FF",
                           "C8 0001 05 FF",
                           "C9 00000001 05 FF",
                           "CA 00000000",
                           "CB 0000000000000000",
                           "CC 01",
                           "CD 0001",
                           "CE 00000001",
                           "CF 0000000000000001",
                           "D0 01",
                           "D1 0001",
                           "D2 00000001",
                           "D3 0000000000000001",
                           "D4 05 01",
                           "D5 05 0102",
                           "D6 05 01020304",
                           "D7 05 0102030405060708",
                           "D8 05 01020304050607080102030405060708",
                           "D9 01 'a'",
                           "DA 0001 'a'",
                           "DB 00000001 'a'",
                           "DC 0001 01",
                           "DD 00000001 01",
                           "DE 0001 01 02",
                           "DF 00000001 01 02",
                           "91 81 A1 'k' 91 C0"}) {
    const auto bytes = bytes_of(spec) + "\x2A";
    value_reader in(as_bytes(bytes), 0);
    in.skip(1);
    EXPECT_EQ(in.number(42), 42u) << spec;
    EXPECT_TRUE(in.ok()) << spec << ": " << in.why().what;
    const auto short_bytes = bytes_of(spec);
    value_reader cut(as_bytes(std::string_view(short_bytes).substr(0, short_bytes.size() - 1)), 0);
    cut.skip(1);
    EXPECT_FALSE(cut.ok()) << spec;
  }
}

TEST(value_reader, declared_counts_beyond_the_bytes_are_faults_at_once) {
  for (const auto* spec :
       {"C1", "DF FFFFFFFF 01", "DD FFFFFFFF 01", "C9 FFFFFFFF 01 01", "DE 0001 01"}) {
    const auto bytes = bytes_of(spec);
    value_reader in(as_bytes(bytes), 0);
    in.skip(1);
    EXPECT_FALSE(in.ok()) << spec;
  }
  const auto bytes = bytes_of("DD FFFFFFFF 01");
  value_reader in(as_bytes(bytes), 0);
  EXPECT_EQ(in.array(), 0u);
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace fleetgate::native
