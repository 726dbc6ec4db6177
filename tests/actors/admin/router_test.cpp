#include "actors/admin/router.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace fleetgate::admin {
namespace {

request asking(const std::string& method, const std::string& path) {
  request r;
  r.method = method;
  r.path = path;
  return r;
}

std::string allow_of(const response& r) {
  for (const auto& [name, value] : r.headers) {
    if (name == "Allow") return value;
  }
  return {};
}

class routing : public testing::Test {
 protected:
  routing() {
    routes.add("GET", "/a", [](const request& r) {
      return response{200, "text/plain", r.method, {}};
    });
    routes.add("POST", "/a", [](const request&) { return response{202, "text/plain", "", {}}; });
    routes.add("POST", "/drain", [](const request&) { return response{}; });
    routes.add("GET", "/throws",
               [](const request&) -> response { throw std::runtime_error("out of luck"); });
  }
  router routes;
};

TEST_F(routing, method_and_path_choose_the_handler) {
  EXPECT_EQ(routes.route(asking("GET", "/a")).status, 200);
  EXPECT_EQ(routes.route(asking("POST", "/a")).status, 202);
}

TEST_F(routing, head_reaches_the_handler_as_get) {
  EXPECT_EQ(routes.route(asking("HEAD", "/a")).body, "GET");
}

TEST_F(routing, an_unknown_path_is_404_and_names_the_known_ones) {
  const auto r = routes.route(asking("GET", "/b"));
  EXPECT_EQ(r.status, 404);
  EXPECT_NE(r.body.find("/drain"), std::string::npos);
  EXPECT_EQ(routes.route(asking("GET", "/a/")).status, 404);
  EXPECT_EQ(routes.route(asking("GET", "/A")).status, 404);
}

TEST_F(routing, an_unknown_method_is_405_with_what_is_allowed) {
  const auto r = routes.route(asking("DELETE", "/a"));
  EXPECT_EQ(r.status, 405);
  EXPECT_EQ(allow_of(r), "GET, HEAD, POST");
  EXPECT_EQ(allow_of(routes.route(asking("HEAD", "/drain"))), "POST");
}

TEST_F(routing, what_may_not_command_is_403) {
  request from_elsewhere = asking("POST", "/a");
  from_elsewhere.headers = {{"Host", "127.0.0.1:9600"}, {"Origin", "http://evil.example"}};
  EXPECT_EQ(routes.route(from_elsewhere).status, 403);
  from_elsewhere.method = "GET";
  EXPECT_EQ(routes.route(from_elsewhere).status, 200);

  request of_a_device = asking("POST", "/a");
  of_a_device.headers = {{"Host", "gateway.example"}};
  EXPECT_EQ(routes.route(of_a_device).status, 202);
  router of_admin(host_rule::known);
  of_admin.add("POST", "/a", [](const request&) { return response{}; });
  EXPECT_EQ(of_admin.route(of_a_device).status, 403);
}

TEST_F(routing, a_level_in_braces_stands_for_any_and_is_decoded) {
  routes.add("GET", "/devices/{id}", [](const request& r) {
    return response{200, "text/plain", std::string(r.capture("id")), {}};
  });
  routes.add(
      "POST", "/devices/{id}/kick",
      [](const request& r) {
        return response{200, "text/plain", "kick " + std::string(r.capture("id")), {}};
      },
      pace::may_wait);
  EXPECT_EQ(routes.route(asking("GET", "/devices/a%2Fb")).body, "a/b");
  EXPECT_EQ(routes.route(asking("POST", "/devices/x/kick")).body, "kick x");
  EXPECT_EQ(routes.pace_of(asking("POST", "/devices/x/kick")), pace::may_wait);
  EXPECT_EQ(routes.pace_of(asking("GET", "/devices/x")), pace::quick);
  for (const auto* path : {"/devices/", "/devices/a/b", "/devices", "/devices/a/"}) {
    EXPECT_EQ(routes.route(asking("GET", path)).status, 404) << path;
  }
  for (const auto* path : {"/devices/%zz", "/devices/%4", "/devices/a%/kick"}) {
    const auto r = routes.route(asking("GET", path));
    EXPECT_EQ(r.status, 400) << path;
    EXPECT_NE(r.body.find("two hexadecimal digits"), std::string::npos) << r.body;
  }
  EXPECT_EQ(routes.route(asking("GET", "/devices/x/kick")).status, 405);
}

TEST_F(routing, an_exact_path_goes_before_a_level_in_braces) {
  routes.add("GET", "/{any}", [](const request&) { return response{204, "", "", {}}; });
  EXPECT_EQ(routes.route(asking("GET", "/a")).status, 200);
  EXPECT_EQ(routes.route(asking("GET", "/zzz")).status, 204);
}

TEST_F(routing, a_handler_that_throws_is_a_500_and_not_the_end) {
  const auto r = routes.route(asking("GET", "/throws"));
  EXPECT_EQ(r.status, 500);
  EXPECT_NE(r.body.find("out of luck"), std::string::npos);
}

}  // namespace
}  // namespace fleetgate::admin
