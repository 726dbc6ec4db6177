#include "deploy/fleetsim/http_transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace fleetgate::fleetsim {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class http_transport_of : public testing::TestWithParam<std::uint16_t> {
 protected:
  void SetUp() override {
    transport.connect({"sim:1", 7, true}, out);
    greeting = std::exchange(out, {});
    connected = meaning(200, R"({"status":"live"})");
  }

  static std::string response(int status, const std::string& body, const std::string& fields = "") {
    return "HTTP/1.1 " + std::to_string(status) +
           " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
  }
  /// What the device makes of a response, which comes in two halves.
  std::vector<event> meanings(const std::string& bytes) {
    std::vector<event> events;
    EXPECT_EQ(transport.take(as_bytes(bytes).first(bytes.size() / 2), events, out), std::size_t{0});
    EXPECT_EQ(transport.take(as_bytes(bytes), events, out), bytes.size());
    return events;
  }
  event meaning(int status, const std::string& body, const std::string& fields = "") {
    const auto events = meanings(response(status, body, fields));
    EXPECT_EQ(events.size(), 1U);
    return events.empty() ? event{} : events.front();
  }
  /// A response that says the same of each message.
  static std::string results(std::initializer_list<const char*> each) {
    std::string body = "{\"results\":[";
    for (const char* one : each) body += (body.back() == '[' ? "" : ",") + std::string(one);
    return body + "]}";
  }
  [[nodiscard]] bool is_batch() const { return GetParam() > 1; }

  /// Sends `n` messages, as many as go into a request; the body of it.
  json request_of(std::uint16_t n, const char* topic = "devices/sim:1/telemetry") {
    for (std::uint16_t id = 1; id <= n; ++id) {
      EXPECT_TRUE(transport.accepts());
      transport.send({{id, 7, 40U + id, false}, topic, R"({"v":1.50})"}, out);
    }
    transport.complete(out);
    const std::string sent = std::exchange(out, {});
    EXPECT_THAT(sent,
                StartsWith("POST /api/v1/devices/sim%3A1/messages HTTP/1.1\r\nHost: gate:1\r\n"
                           "Content-Type: application/json\r\nContent-Length: "));
    const auto end = sent.find("\r\n\r\n") + 4;
    EXPECT_THAT(sent, HasSubstr("Content-Length: " + std::to_string(sent.size() - end) + "\r\n"));
    EXPECT_THAT(sent, HasSubstr(R"("payload":{"v":1.50})")) << "byte for byte";
    return json::parse(sent.substr(end));
  }

  connection_settings connection;
  http_transport transport{connection, http_settings{"gate:1", GetParam(), 256}};
  std::string greeting, out;
  event connected;
};

TEST_P(http_transport_of, a_connection_begins_with_the_question_whether_the_server_lives) {
  EXPECT_EQ(greeting, "GET /livez HTTP/1.1\r\nHost: gate:1\r\n\r\n");
  EXPECT_EQ(connected.is, event::kind::connected);
  EXPECT_EQ(connected.most_in_flight, GetParam());
  EXPECT_EQ(connected.keep_alive_s, 10) << "the gateway closes what idles longer";
}

TEST_P(http_transport_of, whoever_is_not_answered_with_200_is_turned_away) {
  transport.connect({"sim:1", 7, true}, out);
  const event busy = meaning(503, R"({"fault":"server_shutting_down"})", "Retry-After: 2\r\n");
  EXPECT_EQ(busy.is, event::kind::turned_away);
  EXPECT_EQ(busy.reason, 0x8B);
  EXPECT_EQ(busy.retry_after_ms, 2000U);
  EXPECT_FALSE(busy.for_good);
  transport.connect({"sim:1", 7, true}, out);
  EXPECT_TRUE(meaning(404, "not ours").for_good);
}

TEST_P(http_transport_of, a_request_carries_what_was_gathered_and_no_other_goes_before_its_answer) {
  const json body = request_of(GetParam());
  EXPECT_FALSE(transport.accepts());
  transport.complete(out);
  transport.ping(out);
  EXPECT_EQ(out, "");
  const json first = is_batch() ? body["messages"][0] : body;
  if (is_batch()) {
    EXPECT_EQ(body["messages"].size(), GetParam());
  }
  EXPECT_EQ(
      first,
      (json{{"stream", "telemetry"}, {"epoch", 7}, {"sequence", 41}, {"payload", {{"v", 1.5}}}}));
}

TEST_P(http_transport_of, a_topic_that_is_no_stream_of_the_device_is_told_and_escaped) {
  const json body = request_of(1, "plants/\"7\"");
  EXPECT_EQ((is_batch() ? body["messages"][0] : body)["topic"], "plants/\"7\"");
}

TEST_P(http_transport_of, success_acknowledges_each_message) {
  for (const int status : {200, 202}) {
    request_of(1);
    const event e = meaning(status, is_batch() ? results({R"({"result":"stored"})"}) : "{}");
    EXPECT_EQ(e.is, event::kind::acknowledged);
    EXPECT_EQ(e.id, 1);
    EXPECT_FALSE(e.is_refusal());
    EXPECT_TRUE(transport.accepts());
  }
}

TEST_P(http_transport_of, with_retry_after_it_is_to_be_sent_again_and_without_it_is_refused) {
  request_of(1);
  const event full = meaning(503, R"({"fault":"memory_budget_full"})", "Retry-After: 3\r\n");
  EXPECT_EQ(full.is, event::kind::sent_back);
  EXPECT_EQ(full.id, 1);
  EXPECT_EQ(full.retry_after_ms, 3000U);
  request_of(1);
  const event bad = meaning(422, R"({"fault":"schema_violation"})");
  EXPECT_EQ(bad.is, event::kind::acknowledged);
  EXPECT_EQ(bad.reason, 0x99);
  request_of(1);
  EXPECT_EQ(meaning(400, "what?").reason, 0x80) << "unspecified";
}

TEST_P(http_transport_of, a_mixed_answer_says_what_became_of_each) {
  if (!is_batch()) return;
  request_of(3);
  const auto events = meanings(
      response(207, results({R"({"result":"duplicate"})",
                             R"({"result":"quarantined","fault":"schema_violation"})",
                             R"({"result":"unknown","fault":"no_answer","retry_after_ms":700})"})));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_FALSE(events[0].is_refusal());
  EXPECT_EQ(events[1].reason, 0x99);
  EXPECT_EQ(events[2].is, event::kind::sent_back);
  EXPECT_EQ(events[2].retry_after_ms, 700U);
  EXPECT_EQ(events[2].id, 3);
}

TEST_P(http_transport_of, an_answer_that_is_not_one_for_each_is_a_fault) {
  if (!is_batch()) return;
  for (const char* body : {R"({"results":[]})", R"({"results":[{"result":"stored"},{}]})", "[",
                           R"({"results":[1]})", R"({"results":[{"result":"stored"}]})"}) {
    SetUp();
    request_of(2);
    std::vector<event> events;
    EXPECT_FALSE(transport.take(as_bytes(response(200, body)), events, out)) << body;
  }
}

TEST_P(http_transport_of, pings_are_questions_and_an_answer_to_none_is_told) {
  transport.ping(out);
  EXPECT_THAT(out, StartsWith("GET /livez"));
  EXPECT_FALSE(transport.accepts());
  EXPECT_EQ(meaning(200, "").is, event::kind::alive);
  EXPECT_TRUE(transport.accepts());
  EXPECT_EQ(meaning(200, "").is, event::kind::unexpected);
}

TEST_P(http_transport_of, nothing_is_asked_of_a_server_that_closes) {
  request_of(1);
  meaning(200, is_batch() ? results({R"({"result":"stored"})"}) : "", "Connection: close\r\n");
  EXPECT_FALSE(transport.accepts());
  transport.connect({"sim:1", 7, true}, out);
  meaning(200, "");
  EXPECT_TRUE(transport.accepts());
}

INSTANTIATE_TEST_SUITE_P(batches_of, http_transport_of, testing::Values(1, 3));

TEST(http_transport, a_request_stays_below_the_servers_limit) {
  const connection_settings connection;
  http_transport transport(connection, http_settings{"gate:1", 1000, 100'000});
  std::string out;
  std::vector<event> events;
  transport.connect({"sim-1", 7, true}, out);
  ASSERT_TRUE(
      transport.take(as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), events, out));
  out.clear();
  std::uint16_t sent = 0;
  for (const std::string payload(100'000, '1'); transport.accepts(); ++sent) {
    transport.send({{sent, 1, sent, false}, "a/b", payload}, out);
  }
  transport.complete(out);
  EXPECT_EQ(sent, 10);
  EXPECT_LE(out.size(), 1024U * 1024U);
}

}  // namespace
}  // namespace fleetgate::fleetsim
