#include "actors/admin/routes.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/actors/observe/exposition_parser.hpp"

namespace fleetgate::admin {
namespace {

using namespace std::chrono_literals;

class admin_routes : public testing::Test {
 protected:
  admin_routes() {
    add_health_routes(routes, state, [this] { return now; });
    add_metrics_route(routes, metrics);
    metrics.add({"x_total", "X.", observe::metric_type::counter, {}}, {}, cell);
  }
  response get(const std::string& path, const std::string& query = "",
               const std::string& accept = "") {
    request r;
    r.method = "GET";
    r.path = path;
    r.query = query;
    r.headers.emplace_back("Accept", accept);
    return routes.route(r);
  }
  nlohmann::json json(const response& r) { return nlohmann::json::parse(r.body); }

  health state;
  observe::counter cell;
  observe::registry metrics;
  health::time_point now{1h};
  router routes;
};

TEST_F(admin_routes, readyz_is_503_with_reasons_and_then_200) {
  const auto before = get("/readyz");
  EXPECT_EQ(before.status, 503);
  EXPECT_EQ(json(before)["status"], "not ready");
  EXPECT_EQ(json(before)["reasons"][0]["condition"], "startup");
  EXPECT_EQ(json(before)["reasons"][0]["reason"], "starting");
  state.startup_finished();
  const auto after = get("/readyz");
  EXPECT_EQ(after.status, 200);
  EXPECT_EQ(json(after)["status"], "ready");
  EXPECT_TRUE(json(after)["reasons"].empty());
  EXPECT_FALSE(json(after).contains("conditions"));
}

TEST_F(admin_routes, verbose_lists_every_condition) {
  state.startup_finished();
  state.set("sink.fleet", health_state::degraded, "down");
  const auto body = json(get("/readyz", "verbose"));
  ASSERT_EQ(body["conditions"].size(), 2u);
  EXPECT_EQ(body["conditions"][0]["condition"], "sink.fleet");
  EXPECT_EQ(body["conditions"][0]["state"], "degraded");
}

TEST_F(admin_routes, livez_fails_with_the_clock) {
  state.beat("journal", now);
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(json(get("/livez", "verbose=1"))["conditions"][0]["state"], "good");
  now += 11s;
  const auto r = get("/livez");
  EXPECT_EQ(r.status, 503);
  EXPECT_EQ(json(r)["reasons"][0]["condition"], "heartbeat.journal");
}

TEST_F(admin_routes, metrics_come_in_the_format_the_client_accepts) {
  cell.add(3);
  const auto text = get("/metrics");
  EXPECT_EQ(text.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(test::sample_value(test::parse_exposition(text.body, false), "x_total", "x_total"), 3);
  const auto open = get("/metrics", "", "application/openmetrics-text; version=1.0.0");
  EXPECT_EQ(open.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(test::sample_value(test::parse_exposition(open.body, true), "x", "x_total"), 3);
}

}  // namespace
}  // namespace fleetgate::admin
