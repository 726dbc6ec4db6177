#include "actors/parse/schema.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace fleetgate::parse {
namespace {

using namespace std::string_literals;

schema made(const std::string& text) {
  auto s = schema::compile(text);
  if (!s) throw std::invalid_argument(s.error().detail);
  return std::move(*s);
}

bool accepts(const std::string& text, const std::string& payload) {
  return made(text).accepts_json(as_bytes(payload));
}

std::string refusal(const std::string& text) {
  const auto s = schema::compile(text);
  if (s) return {};
  EXPECT_EQ(s.error().code, fault_code::config_invalid);
  return s.error().detail;
}

const std::string reading = R"({
  "$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://example.org/reading",
  "type": "object", "required": ["t"],
  "properties": {"t": {"$ref": "#/definitions/celsius"}, "unit": {"enum": ["C", "F"]},
                 "at": {"type": "string", "format": "date-time"},
                 "n": {"type": "integer", "minimum": 1, "multipleOf": 2}},
  "additionalProperties": false,
  "definitions": {"celsius": {"type": "number", "minimum": -90, "maximum": 60}}})";

TEST(json_schema, accepts_what_has_the_form_and_nothing_else) {
  EXPECT_TRUE(accepts(reading, R"({"t": 21.5, "unit": "C", "n": 4})"));
  EXPECT_TRUE(accepts(reading, R"({"t": 21})"));
  EXPECT_FALSE(accepts(reading, R"({"unit": "C"})"));
  EXPECT_FALSE(accepts(reading, R"({"t": "21"})"));
  EXPECT_FALSE(accepts(reading, R"({"t": 61})"));
  EXPECT_FALSE(accepts(reading, R"({"t": 1, "unit": "K"})"));
  EXPECT_FALSE(accepts(reading, R"({"t": 1, "n": 3})"));
  EXPECT_FALSE(accepts(reading, R"({"t": 1, "n": 0})"));
  EXPECT_FALSE(accepts(reading, R"({"t": 1, "other": 1})"));
  EXPECT_FALSE(accepts(reading, R"([])"));
}

TEST(json_schema, every_supported_combination_is_checked) {
  EXPECT_FALSE(accepts(R"({"allOf": [{"minimum": 1}, {"maximum": 3}]})", "4"));
  EXPECT_FALSE(accepts(R"({"anyOf": [{"type": "string"}, {"minimum": 5}]})", "4"));
  EXPECT_FALSE(accepts(R"({"oneOf": [{"minimum": 1}, {"minimum": 2}]})", "4"));
  EXPECT_FALSE(accepts(R"({"not": {"type": "integer"}})", "4"));
  EXPECT_FALSE(accepts(R"({"if": {"minimum": 1}, "then": {"maximum": 3}})", "4"));
  EXPECT_FALSE(
      accepts(R"({"items": [{"type": "string"}], "additionalItems": false})", "[\"a\",1]"));
  EXPECT_FALSE(accepts(R"({"items": {"type": "string"}, "maxItems": 2})", "[\"a\",\"b\",\"c\"]"));
  EXPECT_FALSE(accepts(R"({"contains": {"const": 1}})", "[2,3]"));
  EXPECT_FALSE(accepts(R"({"propertyNames": {"maxLength": 2}})", R"({"abc": 1})"));
  EXPECT_FALSE(accepts(R"({"minLength": 3})", R"("éé")")) << "characters, not bytes";
  EXPECT_FALSE(accepts("false", "1"));
  EXPECT_TRUE(accepts("true", "1"));
}

TEST(json_schema, numbers_are_compared_as_numbers) {
  EXPECT_FALSE(accepts(R"({"maximum": 10})", "18446744073709551615")) << "beyond 63 bits";
  EXPECT_FALSE(accepts(R"({"maximum": 10})", "123456789012345678901234567890"));
  EXPECT_FALSE(accepts(R"({"multipleOf": 5})", "5.5"));
  EXPECT_TRUE(accepts(R"({"multipleOf": 5})", "-10"));
  EXPECT_TRUE(accepts(R"({"multipleOf": 5})", "10.0"));
}

TEST(json_schema, format_is_an_annotation) {
  EXPECT_TRUE(accepts(reading, R"({"t": 1, "at": "not a date"})"));
  EXPECT_TRUE(accepts(R"({"properties": {"format": {"type": "string"}}})", R"({"format": "x"})"));
  EXPECT_FALSE(accepts(R"({"properties": {"format": {"type": "string"}}})", R"({"format": 1})"))
      << "a property of this name is no annotation";
}

TEST(json_schema, a_messagepack_payload_is_held_to_the_same_form) {
  const schema s = made(reading);
  const auto ok = [&](const std::string& bytes) { return s.accepts_msgpack(as_bytes(bytes)); };
  EXPECT_TRUE(ok("\x81\xA1t\x15"s));
  EXPECT_FALSE(ok("\x81\xA1t\x7F"s)) << "127 degrees";
  EXPECT_FALSE(ok("\x81\xA1u\x15"s));
  const schema any = made("true");
  EXPECT_TRUE(any.accepts_msgpack(as_bytes("\x81\xA1t\x15"s)));
  for (const auto& bytes : {"\xA1\xFF"s, "\x81\xA1\xFF\x01"s, "\xA1\x00"s,
                            "\xC4\x01"
                            "a"s,
                            "\x81\x01\x01"s, "\xCB\x7F\xF8\x00\x00\x00\x00\x00\x00"s,
                            "\xD4\x05\x01"s, "\x91\xCB\x7F\xF0\x00\x00\x00\x00\x00\x00"s}) {
    EXPECT_FALSE(any.accepts_msgpack(as_bytes(bytes))) << "what JSON cannot say";
  }
}

TEST(json_schema, a_large_payload_is_refused_before_it_is_looked_at) {
  const schema any = made("true");
  const std::string inside = "\"" + std::string(schema::max_payload_bytes - 2, 'a') + "\"";
  EXPECT_TRUE(any.accepts_json(as_bytes(inside)));
  EXPECT_FALSE(any.accepts_json(as_bytes(inside + " ")));
  EXPECT_FALSE(any.accepts_msgpack(as_bytes(std::string(schema::max_payload_bytes + 1, '\0'))));
}

TEST(json_schema_file, what_cannot_be_checked_in_bounded_time_is_refused) {
  for (const auto* text : {R"({"pattern": "a+"})", R"({"patternProperties": {"a": true}})",
                           R"({"uniqueItems": true})", R"({"properties": {"a": {"pattern": "x"}}})",
                           R"({"items": [{"allOf": [{"uniqueItems": true}]}]})"}) {
    EXPECT_NE(refusal(text).find("not supported"), std::string::npos) << text;
  }
}

TEST(json_schema_file, an_unknown_keyword_is_refused_with_its_place) {
  EXPECT_NE(refusal(R"({"properties": {"a": {"requird": []}}})").find("#/properties/a/requird"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"dependentRequired": {}})"), "");
  EXPECT_NE(refusal(R"({"unevaluatedProperties": false})"), "");
  EXPECT_EQ(refusal(R"({"x-owner": "team a", "title": "t", "examples": [1]})"), "");
}

TEST(json_schema_file, a_reference_stays_inside_the_file) {
  for (const auto* ref :
       {"http://example.org/a.json", "other.json", "other.json#/a", "#name", "file:///etc/passwd",
        "urn:x:y", "#/definitions/absent", "", "#/", "#/definitions/a%20b", "#/definitions/a~2"}) {
    EXPECT_NE(refusal(R"({"properties": {"a": {"$ref": ")" + std::string(ref) + "\"}}}"), "")
        << ref;
  }
  EXPECT_NE(refusal(R"({"$ref": 1})"), "");
  EXPECT_FALSE(
      accepts(R"({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"minimum": 1}}})", "[0]"));
}

TEST(json_schema_file, recursion_and_explosion_are_refused) {
  EXPECT_NE(refusal(R"({"$ref": "#"})"), "");
  EXPECT_NE(refusal(R"({"properties": {"child": {"$ref": "#"}}})"), "");
  EXPECT_NE(refusal(R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"},
                        "b": {"$ref": "#/$defs/a"}}})"),
            "");
  std::string bomb = R"({"$ref": "#/$defs/d0", "$defs": {)";
  for (int i = 0; i < 20; ++i) {
    const std::string next = R"({"$ref": "#/$defs/d)" + std::to_string(i + 1) + "\"}";
    bomb += "\"d" + std::to_string(i) + R"(": {"allOf": [)" + next + "," + next + "]},";
  }
  EXPECT_NE(refusal(bomb + R"("d20": true}})").find("4096"), std::string::npos);
}

TEST(json_schema_file, size_and_nesting_are_bounded) {
  const std::string start = "{\"description\":\"";
  const std::string full =
      start + std::string(schema::max_file_bytes - start.size() - 2, 'a') + "\"}";
  EXPECT_EQ(refusal(full), "");
  EXPECT_NE(refusal(full + " "), "");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"not\":";
  EXPECT_NE(refusal(deep), "");
  std::string deep_values = "{\"const\":" + std::string(100'000, '[');
  EXPECT_NE(refusal(deep_values + std::string(100'000, ']') + "}"), "");
}

TEST(json_schema_file, what_is_no_schema_is_refused) {
  for (const auto* text :
       {"", "{", "[]", "1", "null", R"({"type": "nonsense"})", R"({"properties": []})",
        R"({"items": 1})", R"({"allOf": {}})", R"({"required": "a"})", R"({"minimum": "a"})",
        R"({"multipleOf": 0})", R"({"multipleOf": -1})", R"({"multipleOf": 0.1})", R"({"not": 1})",
        R"({"exclusiveMinimum": true, "minimum": 1})"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
}

class schema_files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "fleetgate-schema-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  static model::topic_rule_spec rule(const std::string& match, const std::string& schema_path) {
    model::topic_rule_spec spec;
    spec.match = match;
    spec.schema = schema_path;
    return spec;
  }

  std::string directory_;
};

TEST_F(schema_files, are_found_by_rule) {
  const auto path = write("a.json", R"({"minimum": 1})");
  const auto rules = model::topic_rules::compile({rule("a", path), rule("b", ""), rule("c", path)});
  const auto set = schema_set::load(*rules);
  ASSERT_TRUE(set) << set.error().detail;
  EXPECT_NE(set->of(rules->rules()[0]), nullptr);
  EXPECT_EQ(set->of(rules->rules()[1]), nullptr);
  EXPECT_EQ(set->of(rules->rules()[2]), set->of(rules->rules()[0])) << "one file, one schema";
  EXPECT_EQ(set->of(rules->rules()[3]), nullptr) << "the default rule";
}

TEST_F(schema_files, that_cannot_be_used_are_named) {
  for (const auto& path :
       {directory_ + "/absent.json", write("empty.json", ""), directory_, write("bad.json", "{"),
        write("big.json", std::string(1'048'577, ' '))}) {
    const auto rules = model::topic_rules::compile({rule("a", path)});
    const auto set = schema_set::load(*rules);
    ASSERT_FALSE(set) << path;
    EXPECT_EQ(set.error().detail.find(path), 0u) << set.error().detail;
  }
}

TEST_F(schema_files, have_a_hash_that_tells_of_their_changes) {
  EXPECT_EQ(made("{}").hash(), schema::load(write("a.json", "{}"))->hash());
  EXPECT_NE(made("{}").hash(), made("{ }").hash());
}

}  // namespace
}  // namespace fleetgate::parse
