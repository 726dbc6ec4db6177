#include "actors/parse/msgpack_reader.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "actors/parse/json_reader.hpp"

namespace fleetgate::parse {
namespace {

using namespace std::string_literals;

bool accepts(const std::string& bytes) {
  wanted_members nothing(nullptr, nullptr, nullptr);
  return read_msgpack(as_bytes(bytes), nothing);
}

found_value at(const std::string& path, const std::string& bytes) {
  const auto parsed = *model::member_path::parse(path);
  wanted_members wanted(&parsed, nullptr, nullptr);
  EXPECT_TRUE(read_msgpack(as_bytes(bytes), wanted));
  return wanted[member::sequence];
}

/// {"v": value}
std::string map_of(const std::string& value) {
  return "\x81\xA1v" + value;
}

TEST(msgpack_reading, takes_one_whole_value) {
  for (const auto& bytes :
       {"\x00"s, "\xC0"s, "\xC2"s, "\xE0"s,
        "\xA3"
        "abc"s,
        "\x90"s, "\x80"s,
        "\x81\xA1"
        "a\x01"s,
        "\x92\x01\x02"s, "\xC4\x02\x00\xFF"s, "\xCA\x3F\x80\x00\x00"s, "\xD4\x05\x00"s,
        "\xDC\x00\x01\x01"s, "\xDE\x00\x01\x01\x02"s, "\x81\x90\x01"s, "\xA1\xFF"s}) {
    EXPECT_TRUE(accepts(bytes));
  }
}

TEST(msgpack_reading, refuses_less_more_and_what_is_never_used) {
  for (const auto& bytes : {""s, "\xC1"s,
                            "\xA3"
                            "ab"s,
                            "\x91"s, "\x81\x01"s, "\x92\x01"s, "\xCF\x00"s,
                            "\xC4\x05"
                            "a"s,
                            "\x00\x00"s, "\x80\x80"s, "\x91\xC1"s}) {
    EXPECT_FALSE(accepts(bytes));
  }
}

TEST(msgpack_reading, a_declared_size_costs_nothing) {
  for (const auto& bytes :
       {"\xDD\xFF\xFF\xFF\xFF"s, "\xDF\xFF\xFF\xFF\xFF"s, "\xDB\xFF\xFF\xFF\xFF"s,
        "\xC6\xFF\xFF\xFF\xFF"s, "\xC9\xFF\xFF\xFF\xFF\x01"s}) {
    EXPECT_FALSE(accepts(bytes));
    EXPECT_FALSE(accepts("\x92\x01"s + bytes));
  }
}

TEST(msgpack_reading, depth_is_bounded_at_64) {
  EXPECT_TRUE(accepts(std::string(63, '\x91') + "\x90"));
  EXPECT_FALSE(accepts(std::string(64, '\x91') + "\x90"));
  EXPECT_FALSE(accepts(std::string(100'000, '\x91') + "\x90"));
  EXPECT_FALSE(accepts(std::string(100'000, '\x81'))) << "maps as keys";
}

TEST(msgpack_reading, finds_a_member_wherever_the_path_leads) {
  EXPECT_EQ(at("$.seq", "\x82\xA1x\x91\x81\xA3seq\x01\xA3seq\x07"s).integer, 7u);
  EXPECT_EQ(at("$.h.n", "\x82\xA1n\x01\xA1h\x82\xA1m\x81\xA1n\x02\xA1n\x03"s).integer, 3u);
  EXPECT_EQ(at("$.seq", "\x92\x81\xA3seq\x01\xA3seq"s).kind, value_kind::absent);
  EXPECT_EQ(at("$.n", "\x81\x81\xA1n\x01\x02"s).kind, value_kind::absent) << "inside a key";
  EXPECT_EQ(at("$.n", "\x82\x81\xA1n\x01\x02\xA1n\x05"s).integer, 5u) << "behind such a key";
}

TEST(msgpack_reading, tells_kinds_of_values_apart) {
  const auto kind = [](const std::string& value) { return at("$.v", map_of(value)).kind; };
  EXPECT_EQ(kind("\x07"s), value_kind::integer);
  EXPECT_EQ(kind("\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s), value_kind::integer);
  EXPECT_EQ(kind("\xD3\x00\x00\x00\x00\x00\x00\x00\x05"s), value_kind::integer) << "signed form";
  EXPECT_EQ(kind("\xFF"s), value_kind::decimal) << "-1";
  EXPECT_EQ(kind("\xCB\x3F\xF0\x00\x00\x00\x00\x00\x00"s), value_kind::decimal) << "1.0";
  EXPECT_EQ(kind("\xA1"
                 "1"s),
            value_kind::text);
  EXPECT_EQ(kind("\xC0"s), value_kind::null);
  EXPECT_EQ(kind("\xC3"s), value_kind::other);
  EXPECT_EQ(kind("\xC4\x01"
                 "a"s),
            value_kind::other);
  EXPECT_EQ(kind("\x90"s), value_kind::other);
  EXPECT_EQ(kind("\x80"s), value_kind::other);
  EXPECT_EQ(at("$.v", "\x82\xA1v\x01\xA1v\x01"s).kind, value_kind::other) << "twice";
}

TEST(msgpack_reading, timestamps_of_all_three_sizes_are_understood) {
  const auto ns = [](const std::string& value) {
    const auto found = at("$.v", map_of(value));
    EXPECT_EQ(found.kind, value_kind::time);
    return found.time_ns;
  };
  EXPECT_EQ(ns("\xD6\xFF\x65\x53\xF1\x00"s), 1'700'000'000'000'000'000);
  // 500000000 ns << 34 | 1700000000 s
  EXPECT_EQ(ns("\xD7\xFF\x77\x35\x94\x00\x65\x53\xF1\x00"s), 1'700'000'000'500'000'000);
  EXPECT_EQ(ns("\xC7\x0C\xFF\x00\x00\x00\x07\x00\x00\x00\x00\x65\x53\xF1\x00"s),
            1'700'000'000'000'000'007);
  const auto kind = [](const std::string& value) { return at("$.v", map_of(value)).kind; };
  EXPECT_EQ(kind("\xC7\x0C\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s),
            value_kind::other)
      << "before 1970";
  EXPECT_EQ(kind("\xC7\x0C\xFF\x00\x00\x00\x00\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s),
            value_kind::other)
      << "beyond 64 bits";
  EXPECT_EQ(kind("\xD7\xFF\xFF\xFF\xFF\xFC\x00\x00\x00\x00"s), value_kind::other) << "2^30-1 ns";
  EXPECT_EQ(kind("\xD4\xFF\x01"s), value_kind::other) << "one byte";
  EXPECT_EQ(kind("\xD6\x01\x65\x53\xF1\x00"s), value_kind::other) << "another type";
}

TEST(msgpack_reading, random_bytes_are_answered_without_reading_beyond_them) {
  const unsigned seed = 20240613;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    // Its own allocation, so that AddressSanitizer sees a read beyond the end.
    std::string bytes(1 + random() % 12, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (random() % 2 == 0) bytes[0] = static_cast<char>(0x80 | (random() & 0x1F));
    accepted += accepts(bytes) ? 1 : 0;
  }
  EXPECT_GT(accepted, 500);
}

}  // namespace
}  // namespace fleetgate::parse
