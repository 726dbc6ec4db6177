#include "actors/ingress/bind_listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace fleetgate::ingress {
namespace {

using boost::asio::ip::tcp;
using testing::HasSubstr;

class a_port : public testing::Test {
 protected:
  a_port() {
    settings_.name = "mqtt";
    settings_.address = "127.0.0.1";
  }
  tcp::acceptor bind() {
    auto bound = bind_listener(io_, settings_);
    EXPECT_TRUE(bound);
    settings_.port = bound->local_endpoint().port();
    return std::move(*bound);
  }

  boost::asio::io_context io_;
  listener_settings settings_;
};

TEST_F(a_port, is_shared_by_the_shards_of_a_node_and_free_to_nobody_else) {
  const auto first = bind(), second = bind();
  const auto other_node = find_port_free(io_, settings_);
  ASSERT_FALSE(other_node);
  EXPECT_EQ(other_node.error().code, fault_code::resource_unavailable);
  EXPECT_THAT(to_string(other_node.error()), HasSubstr("ss -ltnp"));
}

TEST_F(a_port, is_free_again_when_its_node_has_ended_though_its_connections_linger) {
  {
    auto listening = bind();
    tcp::socket device(io_);
    device.connect(listening.local_endpoint());
    listening.non_blocking(false);
    auto accepted = listening.accept();
    accepted.close();  // first: so its end waits, in TIME_WAIT
  }
  EXPECT_TRUE(find_port_free(io_, settings_));
}

TEST_F(a_port, is_still_free_after_somebody_has_looked) {
  { const auto chosen = bind(); }
  EXPECT_TRUE(find_port_free(io_, settings_));
  EXPECT_TRUE(find_port_free(io_, settings_));
  bind();
}

TEST_F(a_port, of_what_is_no_address_is_a_fault_that_says_so) {
  settings_.address = "localhost";
  const auto bound = bind_listener(io_, settings_);
  ASSERT_FALSE(bound);
  EXPECT_THAT(to_string(bound.error()), HasSubstr("not an IP address"));
}

}  // namespace
}  // namespace fleetgate::ingress
