#include "actors/parse/json_reader.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "actors/runtime/arena.hpp"

namespace fleetgate::parse {
namespace {

class json_reading : public testing::Test {
 protected:
  bool read(std::string_view text, wanted_members& wanted) {
    memory_.clear();
    return reader_.read(as_bytes(memory_.copy(text)), wanted);
  }
  bool accepts(std::string_view text) {
    wanted_members nothing(nullptr, nullptr, nullptr);
    return read(text, nothing);
  }
  found_value at(const std::string& path, std::string_view text) {
    path_ = *model::member_path::parse(path);
    wanted_members wanted(&path_, nullptr, nullptr);
    EXPECT_TRUE(read(text, wanted)) << text;
    return wanted[member::sequence];
  }

  json_reader reader_;
  runtime::arena memory_;
  model::member_path path_;
};

std::string nested(std::size_t depth, std::string_view open, std::string_view inner,
                   std::string_view close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += inner;
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST_F(json_reading, takes_what_is_json) {
  for (const auto* text : {"{}",
                           "[]",
                           " \t\r\n{ } \n",
                           "[1,2,3]",
                           "{\"a\":{\"b\":[{},[],null]}}",
                           "0",
                           "-0",
                           "12",
                           "-1.5e+10",
                           "1E5",
                           "\"\"",
                           "\"text\"",
                           "true",
                           "false",
                           "null",
                           " null ",
                           "[0.0,1e-9]",
                           "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
                           "[\"\\u00e9\\uD83D\\uDE00\"]",
                           "[\"é😀\"]",
                           "[123456789012345678901234567890]",
                           "[1e400,-1e-400]",
                           "{\"a\":1,\"a\":2}",
                           "{\"\":0}",
                           "{\"\\\"\":1}"}) {
    EXPECT_TRUE(accepts(text)) << text;
  }
}

TEST_F(json_reading, refuses_what_is_not) {
  for (const auto* text : {"",
                           " ",
                           "{",
                           "[",
                           "}",
                           "]",
                           "{]",
                           "[}",
                           "[1",
                           "[1,",
                           "{\"a\"",
                           "{\"a\":",
                           "{\"a\":1",
                           "{\"a\":1,",
                           "[1,]",
                           "[,1]",
                           "[1,,2]",
                           "{\"a\":1,}",
                           "{,}",
                           "[1 2]",
                           "{\"a\" 1}",
                           "{\"a\"1}",
                           "{\"a\":1 \"b\":2}",
                           "{a:1}",
                           "{'a':1}",
                           "{1:2}",
                           "[\"a\":1]",
                           "[\"a\":\"b\",\"c\"]",
                           "{\"a\":\"b\":\"c\"}",
                           "{\"a\",\"b\"}",
                           "{} x",
                           "{}{}",
                           "[] []",
                           "{}}",
                           "[]]",
                           "1 2",
                           "\"a\" \"b\"",
                           "\"a\"b",
                           "\"a\"\"b\"",
                           "tru",
                           "truee",
                           "nul",
                           "True",
                           "NaN",
                           "Infinity",
                           "-",
                           "+1",
                           "01",
                           "-01",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "0x10",
                           "1_000",
                           "--1",
                           "[1.e5]",
                           "[1-2]",
                           "[true false]",
                           "[\"]",
                           "\"",
                           "[\"\\x\"]",
                           "[\"\\u12\"]",
                           "[\"\\u12G4\"]",
                           "[\"\\\"]",
                           "{\"\\q\":1}",
                           "/**/{}",
                           "{}//",
                           "[1]\xEF\xBB\xBF"}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST_F(json_reading, refuses_text_that_would_poison_a_database) {
  for (const std::string& text :
       {std::string("[\"\\u0000\"]"), std::string("{\"a\\u0000\":1}"), std::string("[\"\0\"]", 5),
        std::string("[\"\x01\"]"), std::string("[\"a\nb\"]"), std::string("[\"\xC0\x80\"]"),
        std::string("[\"\xED\xA0\x80\"]"), std::string("[\"\xFF\"]"), std::string("[\"\xE2\x82\"]"),
        std::string("[\"\xF4\x90\x80\x80\"]"), std::string("[\"\\uD800\"]"),
        std::string("[\"\\uDC00\"]"), std::string("[\"\\uD800\\u0041\"]"),
        std::string("[\"\\uD800x\"]"), std::string("{}\0", 3), std::string("\0{}", 3),
        std::string("\xEF\xBB\xBF{}")}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST_F(json_reading, depth_is_bounded_at_64) {
  EXPECT_TRUE(accepts(nested(64, "[", "", "]")));
  EXPECT_FALSE(accepts(nested(65, "[", "", "]")));
  EXPECT_TRUE(accepts(nested(63, "{\"a\":", "{}", "}")));
  EXPECT_FALSE(accepts(nested(64, "{\"a\":", "{}", "}")));
  EXPECT_FALSE(accepts(nested(100'000, "[", "", "]")));
  EXPECT_FALSE(accepts(std::string(1'000'000, '[')));
}

TEST_F(json_reading, finds_a_member_wherever_the_path_leads) {
  EXPECT_EQ(at("$.seq", R"({"x":[{"seq":1}],"seq":7,"y":{"seq":2}})").integer, 7u);
  EXPECT_EQ(at("$.h.n", R"({"n":1,"h":{"m":{"n":2},"n":3}})").integer, 3u);
  EXPECT_EQ(at("$.seq", R"({"s\u0065q":9})").integer, 9u) << "an escaped name is the same name";
  EXPECT_EQ(at("$.seq", R"({"a\\":"\"seq\":1","seq":4})").integer, 4u);
}

TEST_F(json_reading, an_absent_member_is_absent) {
  for (const auto* text : {"{}", "[]", "1", "[{\"seq\":1}]", "{\"seq2\":1,\"se\":2}",
                           "{\"a\":{\"seq\":1}}", "\"seq\"", "{\"a\":\"seq\"}"}) {
    EXPECT_EQ(at("$.seq", text).kind, value_kind::absent) << text;
  }
  EXPECT_EQ(at("$.a.b", R"({"a":5})").kind, value_kind::absent);
  EXPECT_EQ(at("$.a.b", R"({"a":[{"b":1}]})").kind, value_kind::absent);
  EXPECT_EQ(at("$.a.b", R"({"x":{"b":1},"b":2})").kind, value_kind::absent);
}

TEST_F(json_reading, tells_kinds_of_values_apart) {
  const auto kind = [&](const std::string& value) {
    return at("$.v", "{\"v\": " + value + " }").kind;
  };
  EXPECT_EQ(kind("18446744073709551615"), value_kind::integer);
  EXPECT_EQ(kind("18446744073709551616"), value_kind::decimal);
  EXPECT_EQ(kind("-1"), value_kind::decimal);
  EXPECT_EQ(kind("1.0"), value_kind::decimal);
  EXPECT_EQ(kind("1e3"), value_kind::decimal);
  EXPECT_EQ(kind("\"1\""), value_kind::text);
  EXPECT_EQ(kind("\"\""), value_kind::text);
  EXPECT_EQ(kind("null"), value_kind::null);
  EXPECT_EQ(kind("true"), value_kind::other);
  EXPECT_EQ(kind("{}"), value_kind::other);
  EXPECT_EQ(kind("[1]"), value_kind::other);
  EXPECT_EQ(kind("1,\"v\":1"), value_kind::other) << "two members with one name";
}

TEST_F(json_reading, text_is_unescaped_and_bounded) {
  EXPECT_EQ(at("$.v", R"({"v":"a\u00e9\ud83d\ude00\n"})").text, "aé😀\n");
  const std::string longest(wanted_members::max_text, 'a');
  EXPECT_EQ(at("$.v", "{\"v\":\"" + longest + "\"}").text, longest);
  EXPECT_EQ(at("$.v", "{\"v\":\"" + longest + "a\"}").kind, value_kind::other);
  EXPECT_EQ(at("$.v", "{\"v\":\"\\n" + longest + "\"}").kind, value_kind::other);
}

TEST_F(json_reading, a_payload_larger_than_what_is_kept_is_read_too) {
  const std::string large = "[\"" + std::string(json_reader::keep_bytes, 'a') + "\"]";
  EXPECT_TRUE(accepts(large));
  EXPECT_FALSE(accepts(large + "]"));
  EXPECT_TRUE(accepts("{}"));
}

TEST_F(json_reading, agrees_with_another_parser_on_mutated_documents) {
  const unsigned seed = 20240612;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string original =
      R"({"seq":12,"a":[1,-2.53,true,false,null,"x\"y\\"],"b":{"c":{},"d":[[]]},"e":"\u00e9"})";
  // No exponents: the other parser refuses numbers that a double cannot hold.
  const std::string alphabet = "{}[]:,\"\\ 019-.+tfnu\n\x80";
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text = original;
    for (std::size_t i = 0, n = 1 + random() % 3; i < n; ++i) {
      const std::size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(text.begin() + static_cast<std::ptrdiff_t>(at), c);
          break;
        case 2:
          text.erase(at, 1);
          break;
      }
    }
    const bool expected = nlohmann::json::accept(text);
    accepted += expected ? 1 : 0;
    ASSERT_EQ(accepts(text), expected) << text;
  }
  EXPECT_GT(accepted, 2'500);
  EXPECT_LT(accepted, 47'500);
}

}  // namespace
}  // namespace fleetgate::parse
