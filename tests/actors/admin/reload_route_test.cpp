#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "actors/admin/api_routes.hpp"
#include "tests/actors/admin/silent_node.hpp"

namespace fleetgate::admin {
namespace {

using contract::change_effect;

class reload_route : public testing::Test {
 protected:
  reload_route() { add_reload_route(routes, node); }

  /// The answer to a request that the node answers with `outcome`.
  response answer_to(contract::reload_outcome outcome) {
    request r;
    r.method = "POST";
    r.path = "/api/v1/reload";
    const auto answer = std::make_shared<std::optional<response>>();
    routes.route_later(r, [answer](const std::function<response()>& make) { *answer = make(); });
    EXPECT_FALSE(*answer) << "nothing is known yet";
    node.reloads.back()(std::move(outcome));
    EXPECT_TRUE(*answer);
    return answer->value_or(response{});
  }
  static nlohmann::json parsed(const response& r) { return nlohmann::json::parse(r.body); }

  silent_node node;
  router routes;
};

TEST_F(reload_route, tells_each_change_and_counts_what_needs_a_restart) {
  const auto r = answer_to(std::vector<contract::config_change>{
      {"log.level", "info", "debug", change_effect::applied},
      {"sink[a]", std::nullopt, "{name = \"a\"}", change_effect::needs_restart}});
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(parsed(r), nlohmann::json::parse(R"({"changes": [
      {"key": "log.level", "was": "info", "now": "debug", "effect": "applied"},
      {"key": "sink[a]", "was": null, "now": "{name = \"a\"}", "effect": "needs_restart"}],
      "applied": 1, "needs_restart": 1, "left_out": 0})"));
}

TEST_F(reload_route, lists_a_thousand_changes_and_counts_all) {
  const auto r = answer_to(std::vector<contract::config_change>(
      1200, {"device[x]", std::nullopt, "{}", change_effect::applied}));
  EXPECT_EQ(parsed(r)["changes"].size(), 1000u);
  EXPECT_EQ(parsed(r)["applied"], 1200);
  EXPECT_EQ(parsed(r)["left_out"], 200);
}

TEST_F(reload_route, a_refused_configuration_is_a_conflict_with_all_its_errors) {
  const auto r = answer_to(tl::unexpected(contract::reload_refusal{
      fault(fault_code::config_invalid, "2 errors"), {"f:1:1: a", "f:2:1: \xFF"}, "correct it"}));
  EXPECT_EQ(r.status, 409);
  EXPECT_EQ(r.content_type, "application/problem+json");
  EXPECT_EQ(parsed(r)["fault"], "config_invalid");
  EXPECT_EQ(parsed(r)["status"], 409);
  EXPECT_EQ(parsed(r)["errors"][0], "f:1:1: a");
  EXPECT_EQ(parsed(r)["errors"].size(), 2u);
  EXPECT_EQ(parsed(r)["next"], "correct it");
}

TEST_F(reload_route, other_refusals_have_the_status_of_their_fault) {
  const auto status = [&](fault_code why) {
    const auto r = answer_to(tl::unexpected(contract::reload_refusal{fault(why), {}, "n"}));
    EXPECT_FALSE(parsed(r).contains("errors"));
    return r.status;
  };
  EXPECT_EQ(status(fault_code::not_found), 404);
  EXPECT_EQ(status(fault_code::server_busy), 503);
  EXPECT_EQ(status(fault_code::server_shutting_down), 503);
}

}  // namespace
}  // namespace fleetgate::admin
