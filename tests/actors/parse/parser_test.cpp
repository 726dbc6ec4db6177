#include "actors/parse/parser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/actors/parse/parse_fixture.hpp"

namespace fleetgate::parse {
namespace {

using namespace std::string_literals;
using model::payload_format;
using model::record_kind;

// --- what is carried over ------------------------------------------------------------------------

TEST(parsed_envelope, carries_everything_the_connection_knows) {
  one_rule r;
  auto in = r.message("hello");
  in.stream = "s";
  in.tenant = "acme";
  in.cls = model::traffic_class::event;
  in.level = model::ack_level::committed;
  in.attributes = R"({"a":"b"})";
  in.client_id = "c1";
  in.connection = {3, 1, 9};
  in.received_time_ns = 11;
  in.received_steady_ns = 12;
  in.packet_id = 13;
  in.qos = 2;
  in.dup = true;
  in.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto e = r.parse(in);
  EXPECT_EQ(e.kind, record_kind::message);
  EXPECT_EQ(e.topic, in.topic);
  EXPECT_EQ(e.device, "d1");
  EXPECT_EQ(e.stream, "s");
  EXPECT_EQ(e.tenant, "acme");
  EXPECT_EQ(e.cls, model::traffic_class::event);
  EXPECT_EQ(e.level, model::ack_level::committed);
  EXPECT_EQ(e.attributes, in.attributes);
  EXPECT_EQ(e.client_id, "c1");
  EXPECT_EQ(e.connection, in.connection);
  EXPECT_EQ(e.received_time_ns, 11);
  EXPECT_EQ(e.received_steady_ns, 12u);
  EXPECT_EQ(e.packet_id, 13);
  EXPECT_EQ(e.qos, 2);
  EXPECT_TRUE(e.dup);
  EXPECT_EQ(model::to_string(e.trace), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(e.rule_version, r.rules().version());
}

TEST(parsed_envelope, takes_the_key_from_the_protocol_before_properties_and_payload) {
  one_rule r(with_paths());
  auto in = r.message(R"({"seq":-1,"boot":2,"ts":1700000000})");
  in.user_seq = "no number";
  in.user_epoch = "3";
  in.sequence = 41;
  in.epoch = 42;
  in.device_time_ns = 43;
  const auto e = r.parse(in);
  EXPECT_EQ(e.kind, record_kind::message);
  EXPECT_EQ(e.sequence, 41u);
  EXPECT_EQ(e.epoch, 42u);
  EXPECT_EQ(e.epoch_from, model::epoch_origin::device);
  EXPECT_EQ(e.device_time_ns, 43);
}

TEST(parsed_envelope, takes_from_the_payload_what_the_protocol_leaves_open) {
  one_rule r(with_paths());
  auto in = r.message(R"({"seq":7,"boot":2,"ts":1700000000})");
  in.epoch = 42;
  const auto e = r.parse(in);
  EXPECT_EQ(e.sequence, 7u);
  EXPECT_EQ(e.epoch, 42u);
  EXPECT_EQ(e.device_time_ns, 1'700'000'000'000'000'000);
}

TEST(parsed_envelope, keeps_the_protocols_key_where_the_payload_is_no_good) {
  auto spec = with_paths();
  spec.format = model::payload_format::json;
  one_rule r(spec);
  auto in = r.message("{");
  in.sequence = 41;
  in.epoch = 42;
  const auto e = r.parse(in);
  EXPECT_EQ(e.fault, fault_code::payload_format_invalid);
  EXPECT_EQ(e.sequence, 41u);
  EXPECT_EQ(e.epoch, 42u);
}

TEST(parsed_envelope, keeps_the_payload_byte_for_byte_and_without_a_copy) {
  one_rule r(with_paths());
  const auto in = r.message("  { \"seq\" : 1 }\r\n");
  const auto e = r.parse(in);
  EXPECT_EQ(e.payload.data(), in.payload.data());
  EXPECT_EQ(as_text(e.payload), "  { \"seq\" : 1 }\r\n");
}

TEST(parsed_envelope, hashes_the_payload_and_nothing_but_the_payload) {
  one_rule r;
  auto a = r.message("same"), b = r.message("same");
  b.packet_id = 7;
  EXPECT_EQ(r.parse(a).payload_hash, r.parse(b).payload_hash);
  EXPECT_NE(r.parse("same").payload_hash, r.parse("other").payload_hash);
  EXPECT_EQ(r.parse("").payload_hash, 0x2D06800538D394C2u) << "XXH3-64 of nothing";
}

TEST(parsed_envelope, is_made_anew_whatever_it_held_before) {
  one_rule r(with_paths());
  model::envelope out;
  r.brain().parse(r.message(R"({"seq":-1})"), out);
  ASSERT_TRUE(is_quarantined_as(out, fault_code::sequence_invalid));
  r.brain().parse(r.message(R"({"seq":5,"boot":1,"ts":1700000000})"), out);
  r.brain().parse(r.message("x"), out);
  EXPECT_EQ(out.kind, record_kind::message);
  EXPECT_FALSE(out.sequence);
  EXPECT_EQ(out.epoch_from, model::epoch_origin::none);
  EXPECT_EQ(out.device_time_ns, 0);
}

TEST(parsed_envelope, a_traceparent_that_is_malformed_is_left_out) {
  one_rule r;
  auto in = r.message("x");
  in.traceparent = "00-zz";
  const auto e = r.parse(in);
  EXPECT_EQ(e.kind, record_kind::message);
  EXPECT_EQ(e.trace, model::trace_id{});
}

// --- format auto ---------------------------------------------------------------------------------

struct content_case {
  std::string payload;
  std::string given;
  bool utf8;
  std::string stored;
};

class format_auto : public testing::TestWithParam<content_case> {};

TEST_P(format_auto, stores_what_the_payload_is_and_never_quarantines) {
  const auto& [payload, given, utf8, stored] = GetParam();
  one_rule r;
  auto in = r.message(payload);
  in.content_type = given;
  in.payload_is_utf8 = utf8;
  const auto e = r.parse(in);
  EXPECT_EQ(e.kind, record_kind::message);
  EXPECT_EQ(e.content_type, stored) << payload;
}

INSTANTIATE_TEST_SUITE_P(
    table, format_auto,
    testing::Values(
        content_case{"{\"a\":1}", "", false, "application/json"},
        content_case{" \n[1]", "", false, "application/json"},
        content_case{"{\"a\":1}", "", true, "application/json"},
        content_case{"12", "", false, "application/octet-stream"},
        content_case{"\"text\"", "", false, "application/octet-stream"},
        content_case{"", "", false, "application/octet-stream"},
        content_case{"{\"a\":", "", false, "application/octet-stream"},
        content_case{"{\"a\":\"\\u0000\"}", "", false, "application/octet-stream"},
        content_case{"\x81\xA1t\x15", "", false, "application/octet-stream"},
        content_case{"hello", "", true, "text/plain"},
        content_case{"{\"a\":", "", true, "text/plain"},
        content_case{"{\"a\":1}", "text/csv", false, "text/csv"},
        content_case{"x", "image/png", false, "image/png"},
        content_case{"x", "text/csv", true, "text/csv"},
        content_case{"12", "application/json", false, "application/json"},
        content_case{"{}", "application/vnd.x+json; v=1", false, "application/vnd.x+json; v=1"},
        content_case{"{", "application/json", false, "application/octet-stream"},
        content_case{"{", "application/json", true, "text/plain"},
        content_case{"\x81\xA1t\x15", "application/x-msgpack", false, "application/x-msgpack"},
        content_case{"\x81\xA1t", "application/msgpack", false, "application/octet-stream"},
        content_case{"{}", "application/msgpack", false, "application/octet-stream"}));

TEST(format_auto_members, are_found_in_json_and_in_declared_messagepack) {
  one_rule r(with_paths());
  EXPECT_EQ(r.parse(R"({"seq":5})").sequence, 5u);
  auto in = r.message("\x81\xA3seq\x05"s);
  EXPECT_FALSE(r.parse(in).sequence) << "nobody said that this is MessagePack";
  in.content_type = "application/msgpack";
  EXPECT_EQ(r.parse(in).sequence, 5u);
}

TEST(format_auto_members, of_a_document_that_breaks_later_do_not_count) {
  one_rule r(with_paths());
  const auto e = r.parse(R"({"seq":-5,"boot":1,"ts":1700000000,)");
  EXPECT_EQ(e.kind, record_kind::message);
  EXPECT_FALSE(e.sequence);
  EXPECT_EQ(e.epoch_from, model::epoch_origin::none);
  EXPECT_EQ(e.device_time_ns, 0);
}

// --- the other formats ---------------------------------------------------------------------------

TEST(format_json, takes_any_json_value_and_quarantines_the_rest) {
  one_rule r(with_format(payload_format::json));
  for (const auto* good : {"{}", "[1]", "12", "\"x\"", "null"}) {
    EXPECT_EQ(r.parse(good).kind, record_kind::message) << good;
    EXPECT_EQ(r.parse(good).content_type, "application/json");
  }
  for (const auto* bad : {"", "{", "{} x", "[1,]", "[\"\\u0000\"]", "[\"\xFF\"]", "hello"}) {
    EXPECT_TRUE(is_quarantined_as(r.parse(bad), fault_code::payload_format_invalid)) << bad;
    EXPECT_EQ(r.parse(bad).content_type, "application/octet-stream");
    EXPECT_EQ(as_text(r.parse(bad).payload), bad) << "kept as it came";
    EXPECT_NE(r.parse(bad).payload_hash, 0u) << "quarantine is keyed by it";
  }
}

TEST(format_json, keeps_a_content_type_that_means_json) {
  one_rule r(with_format(payload_format::json));
  auto in = r.message("{}");
  in.content_type = "application/senml+json";
  EXPECT_EQ(r.parse(in).content_type, "application/senml+json");
  in.content_type = "text/plain";
  EXPECT_EQ(r.parse(in).content_type, "application/json");
}

TEST(format_msgpack, takes_any_value_and_quarantines_the_rest) {
  one_rule r(with_format(payload_format::msgpack));
  EXPECT_EQ(r.parse("\x81\xA1t\x15"s).content_type, "application/msgpack");
  EXPECT_EQ(r.parse("\xA1\xFF"s).kind, record_kind::message) << "text is not looked into";
  for (const auto& bad : {""s, "\x81"s, "\xC1"s, "\x01\x01"s, "{}"s}) {
    EXPECT_TRUE(is_quarantined_as(r.parse(bad), fault_code::payload_format_invalid));
  }
}

TEST(format_raw, takes_everything_and_believes_no_claim_it_has_not_checked) {
  one_rule r(with_format(payload_format::raw));
  auto in = r.message("{\"a\":1}");
  EXPECT_EQ(r.parse(in).content_type, "application/octet-stream");
  in.content_type = "image/png";
  EXPECT_EQ(r.parse(in).content_type, "image/png");
  in.content_type = "application/json";
  EXPECT_EQ(r.parse(in).content_type, "application/octet-stream");
}

TEST(payload_format_indicator, quarantines_bytes_that_are_not_utf8) {
  for (const auto format : {payload_format::automatic, payload_format::json,
                            payload_format::msgpack, payload_format::raw}) {
    one_rule r(with_format(format));
    for (const auto& bad : {"\xA2\xC0\x80"s, "\xA1\xFF"s, "\xA1\x00"s}) {
      auto in = r.message(bad);
      in.payload_is_utf8 = true;
      EXPECT_TRUE(is_quarantined_as(r.parse(in), fault_code::payload_format_invalid));
    }
  }
}

// --- the key -------------------------------------------------------------------------------------

TEST(parsed_key, comes_from_the_payload_where_the_rule_says_so) {
  one_rule r(with_paths());
  const auto e = r.parse(R"({"boot":3,"seq":7})");
  EXPECT_EQ(e.sequence, 7u);
  EXPECT_EQ(e.epoch, 3u);
  EXPECT_EQ(e.epoch_from, model::epoch_origin::device);

  one_rule plain;
  EXPECT_FALSE(plain.parse(R"({"boot":3,"seq":7})").sequence) << "never unless configured";
}

TEST(parsed_key, is_the_same_from_json_and_from_messagepack) {
  one_rule json(with_paths(payload_format::json)), packed(with_paths(payload_format::msgpack));
  const auto a = json.parse(R"({"seq":7,"boot":"b-7"})");
  const auto b = packed.parse(
      "\x82\xA3seq\x07\xA4"
      "boot\xA3"
      "b-7"s);
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_NE(a.epoch, 0u);
}

TEST(parsed_key, user_properties_come_before_the_payload) {
  one_rule r(with_paths());
  auto in = r.message(R"({"seq":7,"boot":3})");
  in.user_seq = "100";
  in.user_epoch = "200";
  EXPECT_EQ(r.parse(in).sequence, 100u);
  EXPECT_EQ(r.parse(in).epoch, 200u);
  in.payload = r.message(R"({"seq":-1,"boot":true})").payload;
  EXPECT_EQ(r.parse(in).sequence, 100u) << "what the payload says is not even looked at";
}

TEST(parsed_key, user_properties_count_for_raw_payloads_too) {
  one_rule r(with_format(payload_format::raw));
  auto in = r.message("\x01\x02");
  in.user_seq = "1";
  in.user_epoch = "8f14e45f-ea51-4b1c-9b8e-0d6c1a3c2d11";
  EXPECT_EQ(r.parse(in).sequence, 1u);
  EXPECT_EQ(r.parse(in).epoch_from, model::epoch_origin::device);
}

TEST(parsed_key, without_a_sequence_is_left_to_the_gateway) {
  one_rule r(with_paths());
  for (const auto* payload : {"{}", "{\"seq\":null}", "[{\"seq\":1}]", "not json"}) {
    const auto e = r.parse(payload);
    EXPECT_EQ(e.kind, record_kind::message) << payload;
    EXPECT_FALSE(e.sequence) << payload;
    EXPECT_EQ(e.epoch_from, model::epoch_origin::none);
  }
}

TEST(parsed_key, that_is_no_good_is_quarantined_in_every_format) {
  one_rule r(with_paths());
  for (const auto* payload :
       {R"({"seq":-1})", R"({"seq":1.5})", R"({"seq":1.0})", R"({"seq":9223372036854775808})",
        R"({"seq":99999999999999999999})", R"({"seq":1e400})", R"({"seq":"x"})", R"({"seq":true})",
        R"({"seq":[1]})", R"({"seq":{}})", R"({"seq":1,"seq":2})", R"({"boot":-1})",
        R"({"boot":1.5})", R"({"boot":""})", R"({"boot":false})", R"({"seq":1,"boot":{}})"}) {
    const auto e = r.parse(payload);
    EXPECT_TRUE(is_quarantined_as(e, fault_code::sequence_invalid)) << payload;
    EXPECT_FALSE(e.sequence);
  }
  one_rule packed(with_paths(payload_format::msgpack));
  EXPECT_TRUE(is_quarantined_as(packed.parse("\x81\xA3seq\xFF"s), fault_code::sequence_invalid));
  auto in = r.message("x");
  in.user_seq = "1x";
  EXPECT_TRUE(is_quarantined_as(r.parse(in), fault_code::sequence_invalid));
}

// --- device time ---------------------------------------------------------------------------------

TEST(parsed_device_time, is_read_from_numbers_text_and_timestamps) {
  one_rule json(with_paths()), packed(with_paths(payload_format::msgpack));
  EXPECT_EQ(json.parse(R"({"ts":1700000000123})").device_time_ns, 1'700'000'000'123'000'000);
  EXPECT_EQ(json.parse(R"({"ts":"2023-11-14T22:13:20Z"})").device_time_ns,
            1'700'000'000'000'000'000);
  EXPECT_EQ(packed.parse("\x81\xA2ts\xD6\xFF\x65\x53\xF1\x00"s).device_time_ns,
            1'700'000'000'000'000'000);
  EXPECT_EQ(json.brain().unreadable_times(), 0u);
}

TEST(parsed_device_time, that_cannot_be_read_is_counted_and_costs_nobody_the_message) {
  one_rule r(with_paths());
  for (const auto* payload : {R"({"ts":"yesterday"})", R"({"ts":-1})", R"({"ts":true})",
                              R"({"ts":1700000000,"ts":1700000000})"}) {
    const auto e = r.parse(payload);
    EXPECT_EQ(e.kind, record_kind::message) << payload;
    EXPECT_EQ(e.device_time_ns, 0);
  }
  EXPECT_EQ(r.brain().unreadable_times(), 4u);
  r.parse(R"({"ts":null})");
  r.parse("{}");
  EXPECT_EQ(r.brain().unreadable_times(), 4u);
}

// --- texts that no record holds -----------------------------------------------------------------

const std::string longest_text(model::max_text_bytes, 'x');
const std::string too_long_text = longest_text + 'x';

bool fits_a_record(const model::envelope& e) {
  const auto texts = model::stored_texts(e);
  return std::all_of(texts.begin(), texts.end(),
                     [](const auto* text) { return text->size() <= model::max_text_bytes; });
}

TEST(text_of_a_message, may_be_as_long_as_a_record_holds) {
  one_rule r;
  auto in = r.message("x");
  in.attributes = in.properties = in.content_type = longest_text;
  const auto e = r.parse(in);
  EXPECT_EQ(e.kind, record_kind::message);
  EXPECT_EQ(e.attributes, longest_text);
  EXPECT_EQ(e.properties, longest_text);
  EXPECT_EQ(e.content_type, longest_text);
}

TEST(text_of_a_message, that_no_record_holds_quarantines_it_without_that_text) {
  using contract::inbound_message;
  one_rule r;
  for (const auto text :
       {&inbound_message::attributes, &inbound_message::properties, &inbound_message::content_type,
        &inbound_message::topic, &inbound_message::device, &inbound_message::stream,
        &inbound_message::tenant, &inbound_message::client_id}) {
    auto in = r.message("x");
    in.attributes = in.properties = in.client_id = "short";
    in.*text = too_long_text;
    const auto e = r.parse(in);
    EXPECT_TRUE(is_quarantined_as(e, fault_code::text_too_long));
    EXPECT_TRUE(fits_a_record(e));
    const auto texts = model::stored_texts(e);
    const auto kept =
        std::count_if(texts.begin(), texts.end(), [](const auto* t) { return *t == "short"; });
    EXPECT_GE(kept, 2) << "the others stay";
    EXPECT_EQ(as_text(e.payload), "x");
  }
}

TEST(text_of_a_message, that_is_lost_costs_neither_its_key_nor_its_time) {
  one_rule r(with_paths());
  auto in = r.message(R"({"boot":3,"ts":1700000000})");
  in.user_seq = "7";
  in.attributes = in.properties = too_long_text;
  const auto e = r.parse(in);
  EXPECT_TRUE(is_quarantined_as(e, fault_code::text_too_long));
  EXPECT_EQ(e.sequence, 7u);
  EXPECT_EQ(e.epoch, 3u);
  EXPECT_EQ(e.device_time_ns, 1'700'000'000'000'000'000);
  EXPECT_EQ(e.content_type, "application/json");
}

TEST(text_of_a_message, that_is_lost_is_told_before_all_else_and_fits_whatever_else_is_wrong) {
  one_rule r(with_format(payload_format::json));
  auto in = r.message("{");
  in.properties = too_long_text;
  auto e = r.parse(in);
  EXPECT_TRUE(is_quarantined_as(e, fault_code::text_too_long)) << "what is kept is not the whole";
  EXPECT_TRUE(fits_a_record(e));
  r.brain().give_up(in, e);
  EXPECT_TRUE(is_quarantined_as(e, fault_code::internal));
  EXPECT_TRUE(fits_a_record(e));
}

// --- schema --------------------------------------------------------------------------------------

class parsed_with_schema : public testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "fleetgate-parser-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    std::ofstream(directory_ + "/s.json") << R"({"required": ["t"]})";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  model::topic_rule_spec spec(payload_format format) const {
    auto s = with_paths(format);
    s.schema = directory_ + "/s.json";
    return s;
  }

  std::string directory_;
};

TEST(parsed_envelope, of_a_message_that_was_given_up_says_who_sent_it_and_nothing_of_its_payload) {
  one_rule r(with_paths());
  const auto in = r.message(R"({"seq":7})");
  model::envelope e = r.parse(in);
  ASSERT_TRUE(e.sequence);
  r.brain().give_up(in, e);
  EXPECT_TRUE(is_quarantined_as(e, fault_code::internal));
  EXPECT_EQ(e.device, "d1");
  EXPECT_EQ(e.payload.data(), in.payload.data());
  EXPECT_FALSE(e.sequence);
}

TEST_F(parsed_with_schema, what_lacks_the_form_is_quarantined) {
  one_rule json(spec(payload_format::json)), packed(spec(payload_format::msgpack));
  EXPECT_EQ(json.parse(R"({"t":1})").kind, record_kind::message);
  const auto refused = json.parse(R"({"x":1})");
  EXPECT_TRUE(is_quarantined_as(refused, fault_code::schema_violation));
  EXPECT_EQ(refused.content_type, "application/json");
  EXPECT_EQ(packed.parse("\x81\xA1t\x01"s).kind, record_kind::message);
  EXPECT_TRUE(is_quarantined_as(packed.parse("\x80"s), fault_code::schema_violation));
}

TEST_F(parsed_with_schema, what_cannot_be_decoded_lacks_the_form) {
  one_rule r(spec(payload_format::automatic));
  EXPECT_EQ(r.parse(R"({"t":1})").kind, record_kind::message);
  EXPECT_TRUE(is_quarantined_as(r.parse("t=1"), fault_code::schema_violation));
}

TEST_F(parsed_with_schema, a_broken_payload_and_a_bad_sequence_are_told_first) {
  one_rule r(spec(payload_format::json));
  EXPECT_TRUE(is_quarantined_as(r.parse("{"), fault_code::payload_format_invalid));
  EXPECT_TRUE(is_quarantined_as(r.parse(R"({"seq":-1})"), fault_code::sequence_invalid));
}

}  // namespace
}  // namespace fleetgate::parse
