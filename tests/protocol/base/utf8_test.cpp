#include "protocol/base/utf8.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace fleetgate {
namespace {

std::string encode(std::uint32_t c, int bytes) {
  std::string s;
  if (bytes == 1) return {static_cast<char>(c)};
  const int head = bytes == 2 ? 0xC0 : bytes == 3 ? 0xE0 : 0xF0;
  for (int i = bytes - 1; i >= 0; --i) {
    const auto bits = static_cast<int>(c >> (6 * i));
    s.push_back(static_cast<char>(i == bytes - 1 ? head | bits : 0x80 | (bits & 0x3F)));
  }
  return s;
}

int natural_size(std::uint32_t c) {
  return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

TEST(utf8, every_code_point_but_zero_and_surrogates_is_clean) {
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    const bool clean = c != 0 && (c < 0xD800 || c > 0xDFFF);
    ASSERT_EQ(is_clean_utf8(encode(c, natural_size(c))), clean) << c;
  }
}

TEST(utf8, overlong_forms_are_refused) {
  for (std::uint32_t c = 0; c < 0x10000; ++c) {
    for (int size = natural_size(c) + 1; size <= 4; ++size) {
      ASSERT_FALSE(is_clean_utf8(encode(c, size))) << c << " in " << size;
    }
  }
}

TEST(utf8, beyond_the_last_code_point_is_refused) {
  for (std::uint32_t c = 0x110000; c < 0x200000; c += 0x111)
    ASSERT_FALSE(is_clean_utf8(encode(c, 4)));
  for (int b = 0xF5; b <= 0xFF; ++b) {
    EXPECT_FALSE(is_clean_utf8(std::string(1, static_cast<char>(b)) + "\x80\x80\x80"));
  }
}

TEST(utf8, truncated_sequences_and_lone_tails_are_refused) {
  for (const std::uint32_t c : {0xE9u, 0x20ACu, 0x1F600u}) {
    const auto whole = encode(c, natural_size(c));
    for (std::size_t n = 1; n < whole.size(); ++n) {
      EXPECT_FALSE(is_clean_utf8(whole.substr(0, n)));
      EXPECT_FALSE(is_clean_utf8(whole.substr(n)));
      EXPECT_FALSE(is_clean_utf8(whole.substr(0, n) + "x"));
    }
  }
}

TEST(utf8, one_bad_byte_is_found_at_every_place) {
  for (std::size_t size = 1; size <= 40; ++size) {
    const std::string clean(size, 'x');
    ASSERT_TRUE(is_clean_utf8(clean));
    for (std::size_t at = 0; at < size; ++at) {
      for (const char bad : {'\0', '\x80', '\xC0', '\xFF'}) {
        auto s = clean;
        s[at] = bad;
        ASSERT_FALSE(is_clean_utf8(s)) << at << " of " << size;
      }
    }
  }
  EXPECT_TRUE(is_clean_utf8(""));
}

}  // namespace
}  // namespace fleetgate
