#include "actors/observe/escape.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "protocol/base/utf8.hpp"

namespace fleetgate::observe {
namespace {

using namespace std::string_view_literals;

std::string json_string(std::string_view s) {
  std::string out;
  append_json_string(out, s);
  return out;
}

TEST(escape, json_reads_back_what_was_written) {
  for (const auto s : {"plain"sv, "quote \" backslash \\ slash /"sv, "\n\r\t\b\f\x01\x1F\x7F"sv,
                       "nul \0 inside"sv, "Grüße, 日本語, 🚚"sv, "\xC2\x85 next line"sv, ""sv}) {
    EXPECT_EQ(nlohmann::json::parse(json_string(s)).get<std::string>(), s);
  }
}

TEST(escape, no_control_character_reaches_a_terminal) {
  for (int c = 0; c < 256; ++c) {
    const std::string in(1, static_cast<char>(c));
    for (const char out : json_string(in)) {
      EXPECT_FALSE(static_cast<unsigned char>(out) < 0x20 || out == 0x7F) << c;
    }
  }
  EXPECT_EQ(json_string("\xC2\x9B"
                        "31m"),
            "\"\\u009b31m\"");  // CSI as one C1 character
}

TEST(escape, each_malformed_byte_becomes_a_replacement_character) {
  EXPECT_EQ(json_string("a\xFF"
                        "b"),
            "\"a\uFFFDb\"");
  EXPECT_EQ(json_string("\xC0\xAF"), "\"\uFFFD\uFFFD\"");            // overlong
  EXPECT_EQ(json_string("\xED\xA0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");  // surrogate
  EXPECT_EQ(json_string("\xF4\x90\x80\x80").size(), 2u + 4 * 3);     // above U+10FFFF
  EXPECT_EQ(json_string("\xE2\x82"), "\"\uFFFD\uFFFD\"");            // cut short
}

TEST(escape, random_bytes_always_give_parseable_json) {
  constexpr std::uint32_t seed = 20240501;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string s(random() % 40, '\0');
    for (char& c : s) c = static_cast<char>(random());
    const std::string out = json_string(s);
    ASSERT_TRUE(is_clean_utf8(out));
    ASSERT_TRUE(nlohmann::json::accept(out));
  }
}

TEST(escape, sequence_length_agrees_with_the_edge_on_every_two_and_three_byte_text) {
  for (unsigned lead = 0x80; lead < 0x100; ++lead) {
    for (unsigned second = 0; second < 0x100; ++second) {
      const std::string two{static_cast<char>(lead), static_cast<char>(second)};
      EXPECT_EQ(utf8_sequence_length(two) == 2, is_clean_utf8(two));
      const std::string three = two + "\x80";
      EXPECT_EQ(utf8_sequence_length(three) == 3, is_clean_utf8(three));
      const std::string four = three + "\x80";
      EXPECT_EQ(utf8_sequence_length(four) == 4, is_clean_utf8(four));
    }
  }
}

TEST(escape, metric_text_escapes_what_ends_a_label) {
  std::string out;
  append_metric_text(out, "a\"b\\c\nd\xFF", true);
  EXPECT_EQ(out, "a\\\"b\\\\c\\nd\uFFFD");
  out.clear();
  append_metric_text(out, "say \"hi\"", false);
  EXPECT_EQ(out, "say \"hi\"");
}

TEST(escape, a_cut_never_splits_a_character) {
  EXPECT_EQ(cut_at_character("abc", 3), "abc");
  EXPECT_EQ(cut_at_character("abcd", 3), "abc");
  EXPECT_EQ(cut_at_character("ab€", 4), "ab");
  EXPECT_EQ(cut_at_character("ab€", 5), "ab€");
  EXPECT_EQ(cut_at_character("€", 1), "");
  EXPECT_EQ(cut_at_character("\x80\x80\x80\x80\x80\x80", 5).size(), 5u);  // no character at all
}

}  // namespace
}  // namespace fleetgate::observe
