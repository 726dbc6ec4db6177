// The document and the routes say the same; tests/system/test_api.py holds the answers against it.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "actors/admin/api_routes.hpp"
#include "actors/admin/routes.hpp"
#include "tests/actors/admin/silent_node.hpp"

namespace fleetgate::admin {
namespace {

class api : public testing::Test {
 protected:
  api() {
    add_health_routes(routes, state);
    add_metrics_route(routes, metrics);
    add_api_routes(routes, node, state);
  }
  response ask(const std::string& method, const std::string& target, const std::string& body = "") {
    request r;
    r.method = method;
    r.body = body;
    EXPECT_TRUE(split_target(target, r));
    return routes.route(r);
  }
  /// What is answered at once; nothing where it is answered later.
  std::optional<response> hand_in(const std::string& body,
                                  const std::string& type = "application/json") {
    request r;
    r.method = "POST";
    r.path = "/api/v1/devices/d%2F1/messages";
    r.headers = {{"Content-Type", type}};
    r.body = body;
    // The node may answer when this has returned.
    const auto answer = std::make_shared<std::optional<response>>();
    routes.route_later(r, [answer](const std::function<response()>& make) { *answer = make(); });
    return *answer;
  }
  static nlohmann::json parsed(const response& r) { return nlohmann::json::parse(r.body); }

  health state;
  observe::registry metrics;
  silent_node node;
  router routes;
};

TEST_F(api, every_route_is_in_the_document_and_every_operation_is_a_route) {
  std::set<std::string> documented, routed;
  const auto document = nlohmann::json::parse(openapi_text());
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, unused] : operations.items()) {
      std::string capitals = method;
      std::transform(capitals.begin(), capitals.end(), capitals.begin(),
                     [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      documented.insert(capitals + " " + path);
    }
  }
  for (const auto& e : routes.entries()) routed.insert(e.method + " " + e.path);
  EXPECT_EQ(documented, routed);
}

TEST_F(api, an_actor_that_does_not_answer_is_504) {
  for (const auto* path : {"/api/v1/spool", "/api/v1/devices", "/api/v1/devices/d",
                           "/api/v1/devices/d/commands", "/api/v1/devices/d/commands/1"}) {
    const auto r = ask("GET", path);
    EXPECT_EQ(r.status, 504) << path;
    EXPECT_EQ(parsed(r)["fault"], "no_answer");
  }
  EXPECT_EQ(parsed(ask("GET", "/api/v1/sinks"))["sinks"][0]["state"], "no_answer");
}

TEST_F(api, actors_stand_below_their_supervisors) {
  const auto actors = parsed(ask("GET", "/api/v1/actors"))["actors"];
  ASSERT_EQ(actors.size(), 2u);
  EXPECT_EQ(actors[0]["name"], "journal");
  EXPECT_EQ(actors[0]["supervisor"], "node");
  EXPECT_EQ(actors[0]["last_error"], nullptr);
  EXPECT_EQ(actors[1]["supervisor"], "journal");
  EXPECT_EQ(actors[1]["state"], "restarting");
  EXPECT_EQ(actors[1]["restarts"], 3);
  EXPECT_EQ(actors[1]["busy_seconds"], 2);
  EXPECT_EQ(actors[1]["last_error"]["fault"], "internal");
  EXPECT_EQ(actors[1]["last_error_at"], "1970-01-01T00:00:01.000Z");
}

TEST_F(api, what_is_not_understood_is_400_and_asks_nobody) {
  for (const auto* target :
       {"/api/v1/devices?limit=0", "/api/v1/devices?limit=1001", "/api/v1/devices?limit=x",
        "/api/v1/devices?cursor=1", "/api/v1/devices?cursor=1.x", "/api/v1/devices?cursor=-1.0",
        "/api/v1/quarantine?cursor=7", "/api/v1/quarantine/7", "/api/v1/quarantine/1-2-3"}) {
    const auto r = ask("GET", target);
    EXPECT_EQ(r.status, 400) << target;
    EXPECT_EQ(parsed(r)["fault"], "request_malformed") << target;
  }
}

TEST_F(api, a_replay_says_from_where) {
  const std::string path = "/api/v1/sinks/a/replay";
  for (const auto* body : {"", "{}", "[]", "nonsense", R"({"from": 1})", R"({"from": "1"})",
                           R"({"from": "beginning", "allow_duplicates": 1})",
                           R"({"from": "beginning", "unknown": 1})"}) {
    EXPECT_EQ(ask("POST", path, body).status, 400) << body;
  }
  EXPECT_EQ(ask("POST", path, R"({"from": "2-7", "allow_duplicates": true})").status, 504);
  EXPECT_EQ(node.replayed.from, (model::position{2, 7}));
  EXPECT_TRUE(node.replayed.allow_duplicates);
  EXPECT_EQ(ask("POST", path, std::string(70'000, ' ')).status, 413);
  EXPECT_EQ(ask("POST", path, std::string(60'000, '[')).status, 400);
  const std::string deep = std::string(30'000, '[') + std::string(30'000, ']');
  EXPECT_EQ(ask("POST", path, R"({"from": )" + deep + "}").status, 400);
}

TEST_F(api, a_replay_from_quarantine_says_which) {
  const std::string path = "/api/v1/quarantine/replay";
  for (const auto* body :
       {"[]", R"({"position": 7})", R"({"position": "7"})", R"({"after": "x"})", R"({"device": 1})",
        R"({"topic": "a/#/b"})", R"({"fault": "none_such"})", R"({"limit": 0})",
        R"({"limit": 1001})", R"({"limit": "7"})", R"({"again": 1})", R"({"unknown": 1})"}) {
    EXPECT_EQ(ask("POST", path, body).status, 400) << body;
  }
  const auto r = ask("POST", path, R"({"position": "1-7", "after": "1-3", "device": "d",
      "topic": "a/#", "fault": "schema_violation", "limit": 5, "again": true})");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(node.wanted.only, (model::position{1, 7}));
  EXPECT_EQ(node.wanted.after, (model::position{1, 3}));
  EXPECT_EQ(node.wanted.device, "d");
  EXPECT_EQ(node.wanted.topic, "a/#");
  EXPECT_EQ(node.wanted.why, fault_code::schema_violation);
  EXPECT_EQ(node.wanted.most, 5u);
  EXPECT_TRUE(node.wanted.again);
  EXPECT_EQ(parsed(r)["messages"][0]["result"], "stored");
  EXPECT_EQ(parsed(r)["messages"][1]["fault"], "schema_violation");
  EXPECT_EQ(parsed(r)["passed_over"], 2);
  EXPECT_EQ(parsed(r)["next_cursor"], "1-9");
  EXPECT_EQ(ask("POST", path).status, 200);
  EXPECT_EQ(node.wanted.only, std::nullopt);
  EXPECT_FALSE(node.wanted.again);
}

TEST_F(api, messages_are_handed_in_with_their_device_and_answered_later) {
  EXPECT_FALSE(hand_in(R"({"messages":[{"topic":"a/b","payload":1,"sequence":4,"epoch":2},
                                       {"topic":"c","payload":"AA==","encoding":"base64"}]})"));
  EXPECT_EQ(node.handed_in_by, "d/1");
  const auto& all = node.handed_in.messages;
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].topic, "a/b");
  EXPECT_EQ(all[0].device, "d/1");
  EXPECT_EQ(all[0].client_id, "");
  EXPECT_EQ(all[0].sequence, 4u);
  EXPECT_EQ(all[0].epoch, 2u);
  EXPECT_EQ(all[0].content_type, "application/json");
  EXPECT_EQ(all[0].properties, std::string("\x03\x00\x10"
                                           "application/json",
                                           19));
  EXPECT_EQ(all[1].payload, std::string(1, '\0'));
  EXPECT_EQ(all[1].properties, "");
}

TEST_F(api, messages_that_cannot_be_taken_are_answered_at_once) {
  EXPECT_EQ(hand_in("[]")->status, 400);
  EXPECT_EQ(hand_in("{}", "text/plain")->status, 415);
  node.why_not = fault(fault_code::memory_budget_full);
  const auto full = hand_in(R"({"topic":"t","payload":1})");
  EXPECT_EQ(full->status, 503);
  EXPECT_EQ(full->headers.at(0).first, "Retry-After");
}

TEST_F(api, requests_that_wait_for_receipts_are_bounded) {
  const std::string body = R"({"topic":"t","payload":1})";
  std::vector<contract::message_request> open;
  while (open.size() < 32) {
    ASSERT_FALSE(hand_in(body)) << open.size();
    open.push_back(std::move(node.handed_in));
  }
  const auto refused = hand_in(body);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(parsed(*refused)["fault"], "server_busy");
  open.back().answer({{model::outcome::stored, fault_code::internal, model::ack_level::durable}});
  EXPECT_FALSE(hand_in(body));
}

TEST_F(api, drain_is_passed_on_and_answered_at_once) {
  EXPECT_EQ(ask("POST", "/api/v1/drain").status, 202);
  EXPECT_EQ(node.drains, 1);
  EXPECT_EQ(ask("GET", "/api/v1/drain").status, 405);
}

}  // namespace
}  // namespace fleetgate::admin
