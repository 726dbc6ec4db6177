// A connection whose protocol throws over what it was sent.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors/ingress/connection_actor.hpp"
#include "protocol/mqtt/session.hpp"

namespace fleetgate::ingress {
namespace {

class broken_connection final : public connection_actor {
 public:
  using connection_actor::connection_actor;

 private:
  session_progress feed(byte_view) override { throw std::runtime_error("a bug"); }
  [[nodiscard]] bool is_connected() const noexcept override { return false; }
  [[nodiscard]] std::optional<fault_code> closed_for() const override { return std::nullopt; }
  [[nodiscard]] std::uint64_t deadline_ns() const noexcept override { return ~std::uint64_t{0}; }
  bool on_time() override { return false; }
  void say_goodbye(fault_code) override {}
  std::optional<fault_code> welcome(const model::receipt&) override { return std::nullopt; }
  void settle(const model::receipt&) override {}
  [[nodiscard]] std::string_view protocol_name() const noexcept override { return "broken"; }
};

TEST(a_broken_connection, is_closed_and_takes_nobody_with_it) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  runtime::memory_budget budget{4 << 20};
  runtime::unit home{system, "shard-0"};  // its thread does not run while the test does
  model::topic_rules rules;
  contract::subscriber_mail subscribers{1, 1 << 20};
  contract::command_mail commands{1, 1 << 20};
  observe::overload_probe overload;
  observe::ingress_probe probe;
  listener_settings settings;
  settings.session = mqtt::session_limits{};
  settings.probe = &probe;
  std::vector<std::string> lines;
  observe::log_options options;
  options.write = [&lines](std::string_view line) { lines.emplace_back(line); };
  auto log = std::make_unique<observe::logger>(std::move(options));
  shard owner{0, home, budget, rules, {}, {8, 64 * 1024}, subscribers, commands, overload, *log};
  owner.now = {1, 1};
  owner.sockets.on_event([](const runtime::readiness::event&) {});
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  const runtime::descriptor client(pair[0]);
  const auto ref = owner.table.reserve();
  auto it = runtime::spawn_pinned_as<broken_connection>(home, owner, settings,
                                                        runtime::descriptor(pair[1]), ref);
  owner.table.put(ref, runtime::actor_ptr<connection_actor>(it.get()));
  ++probe.connections_open;
  it->start({});
  ASSERT_EQ(::send(client.get(), "x", 1, MSG_NOSIGNAL), 1);
  runtime::readiness::event readable;
  readable.readable = true;
  it->on_event(readable);
  it->read();
  char byte;
  EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 0) << "the socket is closed";
  EXPECT_EQ(probe.connections_rejected[fault_code::internal].value(), 1u);
  EXPECT_EQ(probe.connections_open.value(), 0);
  EXPECT_EQ(owner.table.size(), 0u);
  owner.readable.clear();
  it = nullptr;
  home.start();  // for the end of the actor
  system.await_all_actors_done();
  home.stop();
  home.join();
  log.reset();  // writes what is queued
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], testing::HasSubstr("connection.broken"));
  EXPECT_THAT(lines[0], testing::HasSubstr("a bug"));
}

}  // namespace
}  // namespace fleetgate::ingress
