#include "deploy/fleetsim/http_response.hpp"

#include <gtest/gtest.h>

namespace fleetgate::fleetsim {
namespace {

constexpr std::string_view complete =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-LENGTH: 5\r\nRetry-After:  3 \r\n"
    "Connection: Close\r\nX: y\r\n\r\nhello";

TEST(http_response, it_is_cut_off_the_front_once_it_is_complete) {
  for (std::size_t n = 0; n < complete.size(); ++n) {
    const auto r = next_response(complete.substr(0, n));
    ASSERT_TRUE(r) << n << ": " << to_string(r.error());
    EXPECT_FALSE(*r) << n;
  }
  const std::string two = std::string(complete) + "HTTP/1.1 200 OK\r\n";
  const auto r = next_response(two);
  ASSERT_TRUE(r && *r);
  EXPECT_EQ((*r)->status, 503U);
  EXPECT_EQ((*r)->retry_after_s, 3U);
  EXPECT_TRUE((*r)->closes);
  EXPECT_EQ((*r)->body, "hello");
  EXPECT_EQ((*r)->size, complete.size());
}

TEST(http_response, without_these_fields_it_is_kept_alive_and_says_no_time) {
  const auto r = next_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nRetry-After: soon\r\n\r\n");
  ASSERT_TRUE(r && *r);
  EXPECT_FALSE((*r)->closes);
  EXPECT_FALSE((*r)->retry_after_s);
  EXPECT_EQ((*r)->body, "");
}

TEST(http_response, what_is_none_is_a_fault) {
  for (const char* bytes : {
           "SSH-2.0-OpenSSH\r\n",
           "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
           "HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
           "HTTP/1.1 \r\n\r\n",
           "HTTP/1.1 200 OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
           "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
       }) {
    EXPECT_FALSE(next_response(bytes)) << bytes;
  }
  EXPECT_FALSE(next_response("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')));
}

}  // namespace
}  // namespace fleetgate::fleetsim
