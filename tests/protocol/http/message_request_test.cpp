#include "protocol/http/message_request.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "protocol/http/json_walk.hpp"
#include "protocol/http/message_fields.hpp"

namespace fleetgate::http {
namespace {

using nlohmann::json;

result<message_request> from_json(std::string_view body, std::string_view device = "d1") {
  return decode_messages(device, body_encoding::json, body);
}

result<message_request> from_msgpack(const json& body, std::string_view device = "d1") {
  const auto bytes = json::to_msgpack(body);
  return decode_messages(device, body_encoding::msgpack,
                         {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// The one message of `r`.
message only(const result<message_request>& r) {
  if (!r) {
    ADD_FAILURE() << to_string(r.error());
    return {};
  }
  EXPECT_EQ(r->messages.size(), 1u);
  return r->messages.front();
}

std::string detail(const result<message_request>& r) {
  return r ? "taken" : r.error().detail;
}

json binary(std::string_view bytes) {
  return json::binary({bytes.begin(), bytes.end()});
}

TEST(http_request, a_single_message_says_everything_by_name) {
  const auto r = from_json(R"({"stream": "telemetry", "sequence": 17, "epoch": 3,
    "device_time": "2023-11-14T22:13:20Z", "content_type": "application/senml+json",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "payload": {"t": 1}})");
  const auto m = only(r);
  EXPECT_FALSE(r->is_batch);
  EXPECT_EQ(m.topic, "devices/d1/telemetry");
  EXPECT_EQ(m.sequence, 17u);
  EXPECT_EQ(m.epoch, 3u);
  EXPECT_EQ(m.device_time_ns, 1'700'000'000'000'000'000);
  EXPECT_EQ(m.content_type, "application/senml+json");
  EXPECT_EQ(m.traceparent.size(), 55u);
  EXPECT_EQ(m.payload, R"({"t": 1})");
}

TEST(http_request, a_json_payload_is_kept_byte_for_byte) {
  for (const std::string payload :
       {R"({ "b" : [1.50, "}\"]", {"a":{}}] , "n":123456789012345678901234567890 })", "[ ]", "null",
        "true", "-1.5e3", R"("t\u00e9xt, } ]")", "12"}) {
    const auto m = only(from_json(R"({"payload": )" + payload + R"( , "stream":"s"})"));
    EXPECT_EQ(m.payload, payload);
    EXPECT_EQ(m.content_type, "application/json");
  }
}

TEST(http_request, a_payload_may_be_bytes_in_base64) {
  const auto m = only(from_json(R"({"encoding":"base64","payload":"AAH/","stream":"s"})"));
  EXPECT_EQ(m.payload, std::string("\x00\x01\xFF", 3));
  EXPECT_EQ(m.content_type, "");
}

TEST(http_request, a_batch_keeps_its_order) {
  const auto r = from_json(
      R"({"messages": [{"stream":"a","payload":1}, {"topic":"x/y","payload":2} ,{"stream":"c","payload":3}]})");
  ASSERT_TRUE(r) << to_string(r.error());
  EXPECT_TRUE(r->is_batch);
  ASSERT_EQ(r->messages.size(), 3u);
  EXPECT_EQ(r->messages[0].payload + r->messages[1].payload + r->messages[2].payload, "123");
  EXPECT_EQ(r->messages[1].topic, "x/y");
}

TEST(http_request, escaped_names_and_null_fields_mean_what_they_say) {
  const auto m =
      only(from_json(R"({"str\u0065am":"s\u0031","payload":1,"sequence":null,"topic":null})"));
  EXPECT_EQ(m.topic, "devices/d1/s1");
  EXPECT_EQ(m.sequence, std::nullopt);
}

TEST(http_request, what_is_no_message_is_refused_and_says_where) {
  const std::vector<std::pair<std::string, std::string>> all{
      {"", "the body is not JSON"},
      {"{", "the body is not JSON"},
      {"[1]", "the body is neither"},
      {"12", "the body is neither"},
      {"{}", "stream is missing"},
      {R"({"stream":"s"})", "payload is missing"},
      {R"({"payload":1})", "stream is missing"},
      {R"({"stream":"s","topic":"t","payload":1})", "topic and stream are both given"},
      {R"({"stream":"","payload":1})", "stream is empty"},
      {R"({"stream":7,"payload":1})", "stream is not text"},
      {R"({"stream":"a\u0000b","payload":1})", "stream is not UTF-8"},
      {R"({"stream":"s","payload":1,"payload":2})", "payload is given twice"},
      {R"({"stream":"s","payload":1,"sequence":-1})", "sequence is not a whole number"},
      {R"({"stream":"s","payload":1,"sequence":1.0})", "sequence is not a whole number"},
      {R"({"stream":"s","payload":1,"sequence":"1"})", "sequence is not a whole number"},
      {R"({"stream":"s","payload":1,"epoch":9223372036854775808})", "epoch is not a whole number"},
      {R"({"stream":"s","payload":1,"device_time":"today"})", "device_time is neither"},
      {R"({"stream":"s","payload":1,"device_time":-5})", "device_time is neither"},
      {R"({"stream":"s","payload":1,"encoding":"hex"})", "encoding is not \"base64\""},
      {R"({"stream":"s","payload":1,"encoding":"base64"})", "payload is not text in padded base64"},
      {R"({"stream":"s","payload":"A","encoding":"base64"})", "payload is not text in padded"},
      {R"({"stream":"s","payload":1,"qos":1})", "qos is no field"},
      {R"({"messages":[]})", "messages is not an array"},
      {R"({"messages":{}})", "messages is not an array"},
      {R"({"messages":[{"stream":"s","payload":1}],"stream":"s"})", "messages is not an array"},
      {R"({"messages":[{"stream":"s","payload":1},5]})", "messages[1].is no object"},
      {R"({"messages":[{"stream":"s","payload":1},{"stream":"s"}]})", "messages[1].payload is mis"},
  };
  for (const auto& [body, why] : all) {
    const auto r = from_json(body);
    ASSERT_FALSE(r) << body;
    EXPECT_EQ(r.error().code, fault_code::request_malformed) << body;
    EXPECT_EQ(r.error().detail.substr(0, why.size()), why) << body;
  }
  EXPECT_NE(detail(from_json("{\"stream\":\"s\",\"payload\":\"\xFF\"}")), "taken");
}

TEST(http_request, a_topic_that_is_no_topic_name_is_refused) {
  for (const auto* body : {R"({"stream":"a/+","payload":1})", R"({"stream":"#","payload":1})",
                           R"({"topic":"a/#","payload":1})", R"({"topic":"+","payload":1})"}) {
    const auto r = from_json(body);
    ASSERT_FALSE(r) << body;
    EXPECT_EQ(r.error().code, fault_code::topic_name_invalid);
  }
  EXPECT_EQ(from_json(R"({"stream":"s","payload":1})", "a/b").error().code,
            fault_code::topic_name_invalid);
  EXPECT_EQ(from_json(R"({"stream":"s","payload":1})", "a+").error().code,
            fault_code::topic_name_invalid);
  EXPECT_EQ(only(from_json(R"({"topic":"t","payload":1})", "a/b")).topic, "t");
  EXPECT_EQ(from_json(R"({"stream":"s","payload":1})", "\xFF").error().code,
            fault_code::client_identifier_not_valid);
}

TEST(http_request, sizes_are_bounded_at_their_edges) {
  const auto with_stream = [](std::size_t n) {
    return from_json(R"({"payload":1,"stream":")" + std::string(n, 'x') + "\"}");
  };
  EXPECT_TRUE(with_stream(most_stream_bytes));
  EXPECT_EQ(detail(with_stream(most_stream_bytes + 1)), "stream has more than 256 bytes");
  const auto batch_of = [](std::size_t n) {
    std::string body = R"({"messages":[)";
    for (std::size_t i = 0; i < n; ++i) {
      body += std::string(i == 0 ? "" : ",") + R"({"stream":"s","payload":1})";
    }
    return body + "]}";
  };
  EXPECT_TRUE(from_json(batch_of(most_messages)));
  EXPECT_EQ(from_json(batch_of(most_messages + 1)).error().code, fault_code::request_too_large);
  EXPECT_TRUE(from_msgpack(json::parse(batch_of(most_messages))));
  EXPECT_EQ(from_msgpack(json::parse(batch_of(most_messages + 1))).error().code,
            fault_code::request_too_large);
}

TEST(http_request, messagepack_says_the_same) {
  const auto m = only(from_msgpack({{"stream", "telemetry"},
                                    {"sequence", 17},
                                    {"epoch", 3},
                                    {"device_time", 1'700'000'000.5},
                                    {"payload", {{"t", 1}}}}));
  EXPECT_EQ(m.topic, "devices/d1/telemetry");
  EXPECT_EQ(m.sequence, 17u);
  EXPECT_EQ(m.epoch, 3u);
  EXPECT_EQ(m.device_time_ns, 1'700'000'000'500'000'000);
  EXPECT_EQ(m.content_type, "application/msgpack");
  EXPECT_EQ(m.payload, "\x81\xA1t\x01");
  const auto bytes = only(from_msgpack({{"stream", "s"}, {"payload", binary("\x01\x02")}}));
  EXPECT_EQ(bytes.payload, "\x01\x02");
  EXPECT_EQ(bytes.content_type, "");
  const auto r = from_msgpack(
      {{"messages",
        {{{"stream", "a"}, {"payload", "x"}}, {{"stream", "b"}, {"payload", nullptr}}}}});
  ASSERT_TRUE(r) << to_string(r.error());
  EXPECT_TRUE(r->is_batch);
  EXPECT_EQ(r->messages[0].payload, "\xA1x");
  EXPECT_EQ(r->messages[1].payload, "\xC0");
}

TEST(http_request, what_is_no_messagepack_message_is_refused) {
  EXPECT_EQ(detail(from_msgpack(json::array({1}))).substr(0, 19), "the body is neither");
  EXPECT_EQ(detail(from_msgpack({{"stream", "s"}})), "payload is missing");
  EXPECT_EQ(detail(from_msgpack({{"stream", "s"}, {"payload", 1}, {"x", 1}})),
            "x is no field of a message");
  EXPECT_EQ(detail(from_msgpack({{"messages", json::array()}})).substr(0, 8), "messages");
  EXPECT_EQ(detail(from_msgpack({{"messages", {1}}})), "messages[0].is no map");
  EXPECT_EQ(detail(from_msgpack({{"messages", {1}}, {"stream", "s"}})).substr(0, 8), "messages");
  const auto whole = json::to_msgpack(json{{"stream", "s"}, {"payload", {1, 2, 3}}});
  const std::string_view bytes(reinterpret_cast<const char*>(whole.data()), whole.size());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto r = decode_messages("d", body_encoding::msgpack, bytes.substr(0, n));
    ASSERT_FALSE(r) << n;
    EXPECT_EQ(r.error().code, fault_code::request_malformed);
  }
  EXPECT_FALSE(decode_messages("d", body_encoding::msgpack, std::string(bytes) + "\x01"));
}

TEST(http_request, the_content_type_names_the_encoding) {
  EXPECT_EQ(encoding_of(""), body_encoding::json);
  EXPECT_EQ(encoding_of("application/json; charset=utf-8"), body_encoding::json);
  EXPECT_EQ(encoding_of("Application/MsgPack"), body_encoding::msgpack);
  EXPECT_EQ(encoding_of("application/vnd.msgpack"), body_encoding::msgpack);
  EXPECT_EQ(encoding_of("text/plain"), std::nullopt);
}

TEST(http_base64, is_taken_in_one_form_only) {
  EXPECT_EQ(base64_decoded(""), "");
  EXPECT_EQ(base64_decoded("Zg=="), "f");
  EXPECT_EQ(base64_decoded("Zm8="), "fo");
  EXPECT_EQ(base64_decoded("Zm9v"), "foo");
  for (const auto* text : {"Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "Zm9v=", "Zm 9", "Zm-_"}) {
    EXPECT_EQ(base64_decoded(text), std::nullopt) << text;
  }
}

TEST(http_json_walk, passes_over_whole_values) {
  json_walk in(R"( [ "a,]\"\\" , {"x":[1,{}]} ,-1.5e3,null ] )");
  EXPECT_TRUE(in.pass('['));
  EXPECT_EQ(in.value(), R"("a,]\"\\")");
  EXPECT_TRUE(in.pass(','));
  EXPECT_EQ(in.value(), R"({"x":[1,{}]})");
  EXPECT_TRUE(in.pass(','));
  EXPECT_EQ(in.value(), "-1.5e3");
  EXPECT_TRUE(in.pass(','));
  EXPECT_EQ(in.value(), "null");
  EXPECT_TRUE(in.pass(']'));
  EXPECT_EQ(in.next(), '\0');
}

}  // namespace
}  // namespace fleetgate::http
