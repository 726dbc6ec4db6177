#include "actors/runtime/readiness.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <future>

#include "actors/runtime/descriptor.hpp"

namespace fleetgate::runtime {
namespace {

class readiness_test : public testing::Test {
 protected:
  readiness_test() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours_ = descriptor(ends[0]);
    theirs_ = descriptor(ends[1]);
    sockets_.on_event([this](const readiness::event& e) { seen_.push_back(e); });
    home_.on_sockets_polled([this] {
      if (wanted_ && wanted_(seen_)) {
        wanted_ = nullptr;
        done_.set_value(std::exchange(seen_, {}));
      }
      sockets_.look_further();
    });
    EXPECT_TRUE(sockets_.add(ours_.get(), this));
    home_.start();
  }
  ~readiness_test() override {
    home_.stop();
    home_.join();
  }

  using events = std::vector<readiness::event>;
  /// The events since the last call, as soon as they are what is `wanted`.
  events when(std::function<bool(const events&)> wanted) {
    done_ = {};
    auto result = done_.get_future();
    boost::asio::post(home_.io(), [this, wanted = std::move(wanted)] { wanted_ = wanted; });
    return result.get();
  }
  static bool any_readable(const events& all) {
    return std::any_of(all.begin(), all.end(), [](const auto& e) { return e.readable; });
  }
  static bool any_writable(const events& all) {
    return std::any_of(all.begin(), all.end(), [](const auto& e) { return e.writable; });
  }

  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  descriptor ours_, theirs_;
  unit home_{system_, "home"};
  readiness sockets_{home_};
  events seen_;
  std::function<bool(const events&)> wanted_;
  std::promise<events> done_;
};

TEST_F(readiness_test, tells_of_new_bytes_once_and_again_when_more_come) {
  ASSERT_EQ(::send(theirs_.get(), "a", 1, 0), 1);
  auto first = when(any_readable);
  EXPECT_EQ(first.back().who, this);
  EXPECT_FALSE(first.back().at_end);
  ASSERT_EQ(::send(theirs_.get(), "b", 1, 0), 1);  // the first was not read
  EXPECT_FALSE(when(any_readable).back().at_end);
}

TEST_F(readiness_test, tells_that_the_peer_has_gone) {
  theirs_.close();
  const auto last = when([](const events& all) { return !all.empty() && all.back().at_end; });
  EXPECT_TRUE(last.back().readable);
}

TEST_F(readiness_test, tells_of_room_to_write_when_the_peer_has_read) {
  when(any_writable);  // a new socket is
  const std::string much(64 * 1024, 'x');
  while (::send(ours_.get(), much.data(), much.size(), 0) > 0) {
  }
  std::string sink(much.size(), ' ');
  while (::recv(theirs_.get(), sink.data(), sink.size(), 0) > 0) {
  }
  EXPECT_TRUE(any_writable(when(any_writable)));
}

}  // namespace
}  // namespace fleetgate::runtime
