#include "actors/admin/command_origin.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace fleetgate::admin {
namespace {

using fields = std::vector<std::pair<std::string, std::string>>;

bool may(fields headers, host_rule hosts, const std::string& method = "POST") {
  request r;
  r.method = method;
  r.headers = std::move(headers);
  return !refused_command(r, hosts);
}

std::string own_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

TEST(command_origin, a_page_of_another_site_may_look_and_not_command) {
  const auto from = [](const std::string& origin, const std::string& method) {
    return may({{"Host", "127.0.0.1:9600"}, {"Origin", origin}}, host_rule::any, method);
  };
  for (const auto* elsewhere :
       {"http://evil.example", "null", "http://127.0.0.1:9601", "http://"}) {
    EXPECT_FALSE(from(elsewhere, "POST")) << elsewhere;
    EXPECT_FALSE(from(elsewhere, "DELETE")) << elsewhere;
    EXPECT_TRUE(from(elsewhere, "GET")) << elsewhere;
    EXPECT_TRUE(from(elsewhere, "HEAD")) << elsewhere;
  }
  EXPECT_TRUE(from("http://127.0.0.1:9600", "POST"));
}

TEST(command_origin, a_browser_that_names_no_origin_may_say_that_it_is_another_site) {
  const auto from = [](const std::string& site) {
    return may({{"Host", "127.0.0.1:9600"}, {"Sec-Fetch-Site", site}}, host_rule::any);
  };
  EXPECT_FALSE(from("cross-site"));
  EXPECT_FALSE(from("same-site"));
  EXPECT_TRUE(from("same-origin"));
  EXPECT_TRUE(from("none"));
}

TEST(command_origin, a_name_that_was_led_here_is_not_this_node) {
  for (const auto hosts : {host_rule::any, host_rule::known}) {
    EXPECT_FALSE(
        may({{"Host", "evil.example:9600"}, {"Origin", "http://evil.example:9600"}}, hosts));
    EXPECT_FALSE(may({{"Host", "evil.example"}, {"Sec-Fetch-Site", "same-origin"}}, hosts));
  }
  EXPECT_FALSE(may({{"Host", "evil.example:9600"}}, host_rule::known));
  EXPECT_TRUE(may({{"Host", "gateway.example:8080"}}, host_rule::any)) << "a device's client";
}

TEST(command_origin, addresses_and_names_of_this_machine_are_known) {
  for (const auto* host : {"127.0.0.1", "127.0.0.1:9600", "192.0.2.7:80", "[::1]", "[::1]:9600",
                           "localhost", "LocalHost:9600"}) {
    EXPECT_TRUE(may({{"Host", host}}, host_rule::known)) << host;
    EXPECT_TRUE(may({{"Host", host}, {"Origin", "http://" + std::string(host)}}, host_rule::any));
  }
  EXPECT_TRUE(may({{"Host", own_name() + ":9600"}}, host_rule::known)) << own_name();
  for (const auto* host : {"localhost.evil.example", "127.0.0.1.evil.example:9600", "evil.example",
                           "[", "[evil.example]", ":9600", "1.2.3"}) {
    EXPECT_FALSE(may({{"Host", host}}, host_rule::known)) << host;
  }
  EXPECT_TRUE(may({}, host_rule::known)) << "HTTP/1.0: no browser";
}

}  // namespace
}  // namespace fleetgate::admin
