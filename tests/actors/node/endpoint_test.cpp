#include "actors/node/endpoint.hpp"

#include <gtest/gtest.h>

namespace fleetgate::node {
namespace {

TEST(endpoint, both_families_are_read_and_written_alike) {
  for (const char* text : {"127.0.0.1:1883", "0.0.0.0:0", "[::1]:65535", "[fe80::1]:1"}) {
    const auto e = parse_endpoint(text);
    ASSERT_TRUE(e) << text << ": " << e.error();
    EXPECT_EQ(to_string(*e), text);
  }
}

TEST(endpoint, two_spellings_of_one_address_are_equal) {
  EXPECT_EQ(parse_endpoint("[0:0:0:0:0:0:0:1]:1883"), parse_endpoint("[::1]:1883"));
}

TEST(endpoint, what_is_not_an_address_and_a_port_is_refused) {
  using namespace std::string_literals;
  for (const std::string& text : {""s,
                                  ":"s,
                                  "1883"s,
                                  ":1883"s,
                                  "127.0.0.1"s,
                                  "127.0.0.1:"s,
                                  "127.0.0.1:65536"s,
                                  "127.0.0.1:-1"s,
                                  "127.0.0.1:+1"s,
                                  "127.0.0.1:1x"s,
                                  "127.0.0.1: 1"s,
                                  "127.1:1"s,
                                  "256.0.0.1:1"s,
                                  "localhost:1"s,
                                  "::1:1883"s,
                                  "[::1]"s,
                                  "[::1]:"s,
                                  "[::1:1883"s,
                                  "[127.0.0.1]:1"s,
                                  "[]:1"s,
                                  "127.0.0.1\0:1"s,
                                  "[::1\0x]:1"s}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

TEST(endpoint, only_this_machine_can_reach_loopback) {
  EXPECT_TRUE(is_loopback({"127.0.0.1", 1}));
  EXPECT_TRUE(is_loopback({"127.9.9.9", 1}));
  EXPECT_TRUE(is_loopback({"::1", 1}));
  EXPECT_FALSE(is_loopback({"0.0.0.0", 1}));
  EXPECT_FALSE(is_loopback({"::", 1}));
  EXPECT_FALSE(is_loopback({"192.168.1.1", 1}));
  EXPECT_TRUE(is_any_address({"0.0.0.0", 1}));
  EXPECT_TRUE(is_any_address({"::", 1}));
}

}  // namespace
}  // namespace fleetgate::node
