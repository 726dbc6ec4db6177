#include "actors/admin/http_message.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace fleetgate::admin {
namespace {

TEST(http_message, query_values_and_flags_are_found_by_their_whole_name) {
  request r;
  r.query = "a=1&verbose&empty=&off=0&name=x=y";
  EXPECT_EQ(r.query_value("a"), "1");
  EXPECT_EQ(r.query_value("name"), "x=y");
  EXPECT_EQ(r.query_value("empty"), "");
  EXPECT_EQ(r.query_value("verb"), std::nullopt);
  EXPECT_TRUE(r.query_flag("verbose"));
  EXPECT_TRUE(r.query_flag("a"));
  EXPECT_FALSE(r.query_flag("off"));
  EXPECT_FALSE(r.query_flag("missing"));
  r.query = "&&=&";
  EXPECT_EQ(r.query_value("a"), std::nullopt);
}

TEST(http_message, header_names_ignore_case) {
  request r;
  r.headers = {{"Accept", "text/plain"}, {"ACCEPT", "other"}};
  EXPECT_EQ(r.header("accept"), "text/plain");
  EXPECT_EQ(r.header("accep"), "");
}

TEST(http_message, targets_are_paths_or_urls) {
  const auto split = [](std::string_view target) {
    request r;
    return split_target(target, r) ? r.path + " " + r.query : std::string("refused");
  };
  EXPECT_EQ(split("/readyz?verbose"), "/readyz verbose");
  EXPECT_EQ(split("/a?b?c"), "/a b?c");
  EXPECT_EQ(split("/"), "/ ");
  EXPECT_EQ(split("http://host:9600/livez?x"), "/livez x");
  EXPECT_EQ(split("http://host"), "/ ");
  EXPECT_EQ(split("/redirect?to=http://host/x"), "/redirect to=http://host/x");
  EXPECT_EQ(split("*"), "refused");
  EXPECT_EQ(split(""), "refused");
  EXPECT_EQ(split("host:443"), "refused");
}

TEST(http_message, errors_say_what_why_and_what_next) {
  const auto r = error_response(fault(fault_code::not_found, "bad \xFF \"byte\""), "look");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.content_type, "application/problem+json");
  const auto body = nlohmann::json::parse(r.body);
  EXPECT_EQ(body["type"], "urn:fleetgate:fault:not_found");
  EXPECT_EQ(body["fault"], "not_found");
  EXPECT_EQ(body["status"], 404);
  EXPECT_EQ(body["detail"], "bad \uFFFD \"byte\"");
  EXPECT_EQ(body["next"], "look");
}

TEST(http_message, a_fault_brings_its_status_and_text_from_the_catalogue) {
  const auto r = error_response(fault(fault_code::storage_full, "/var/lib"), "free some space");
  EXPECT_EQ(r.status, 507);
  const auto body = nlohmann::json::parse(r.body);
  EXPECT_EQ(body["title"], describe(fault_code::storage_full).text);
  EXPECT_EQ(body["detail"], "/var/lib");
  EXPECT_EQ(error_response(431, fault(fault_code::request_too_large), "").status, 431);
}

TEST(http_message, percent_codes_are_decoded_or_refused) {
  EXPECT_EQ(percent_decoded("a%2Fb%2f%00"), std::string("a/b/\0", 5));
  EXPECT_EQ(percent_decoded(""), "");
  for (const auto* bad : {"%", "%4", "a%4", "%zz", "%%41"}) {
    EXPECT_EQ(percent_decoded(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace fleetgate::admin
