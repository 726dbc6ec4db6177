#include "actors/admin/api_json.hpp"

#include <gtest/gtest.h>

namespace fleetgate::admin {
namespace {

TEST(api_json, base64_is_that_of_rfc_4648) {
  const auto encoded = [](std::string_view s) { return base64(as_bytes(s)); };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xFF\xFE\xFD"), "//79");
}

TEST(api_json, times_are_rfc_3339_and_null_where_there_is_none) {
  EXPECT_EQ(time_value(1'769'860'800'007'999'999), "2026-01-31T12:00:00.007Z");
  EXPECT_EQ(time_value(0), nullptr);
}

TEST(api_json, a_payload_is_cut_and_is_text_only_where_it_is) {
  contract::stored_record r;
  std::string payload(most_payload_bytes + 1, 'x');
  r.envelope.payload = as_bytes(payload);
  EXPECT_EQ(to_json(r, true)["payload_truncated"], true);
  EXPECT_EQ(to_json(r, true)["payload_text"].get<std::string>().size(), most_payload_bytes);
  EXPECT_FALSE(to_json(r, false).contains("payload_text"));
  payload = "\xFF";
  r.envelope.payload = as_bytes(payload);
  EXPECT_EQ(to_json(r, true)["payload_text"], nullptr);
  EXPECT_EQ(to_json(r, true)["payload_base64"], "/w==");
}

TEST(api_json, what_a_command_carries_is_text_where_it_is_and_else_base64) {
  contract::command c;
  c.request.payload = "on";
  c.answer = "\xFF";
  c.answer_content_type = "application/octet-stream";
  c.state = contract::command_state::acknowledged;
  c.result = contract::command_result::done;
  c.sent = 2;
  json shown = to_json(c);
  EXPECT_EQ(shown["payload"], "on");
  EXPECT_FALSE(shown.contains("payload_base64"));
  EXPECT_EQ(shown["answer_base64"], "/w==");
  EXPECT_FALSE(shown.contains("answer"));
  EXPECT_EQ(shown["answer_content_type"], "application/octet-stream");
  EXPECT_EQ(shown["state"], "acknowledged");
  EXPECT_EQ(shown["result"], "done");
  EXPECT_EQ(shown["sent"], 2);
  c.request.payload.assign(1, '\0');
  EXPECT_EQ(to_json(c)["payload_base64"], "AA==");
}

TEST(api_json, names_that_are_not_utf8_still_make_json) {
  contract::connected_device d;
  d.client_id = "bad\xFF";
  EXPECT_TRUE(json::accept(json_response(to_json(d)).body));
}

}  // namespace
}  // namespace fleetgate::admin
