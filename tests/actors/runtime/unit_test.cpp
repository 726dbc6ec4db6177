#include "actors/runtime/unit.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/behavior.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <thread>

#include "actors/runtime/pinned_actor.hpp"

namespace fleetgate::runtime {
namespace {

class echo_actor : public pinned_actor {
 public:
  echo_actor(caf::actor_config& config, unit& home, int add)
      : pinned_actor(config, home), add_(add) {}
  caf::behavior make_behavior() override {
    return {
        [this](int v) { return home().on_own_thread() ? v + add_ : -1; },
        [this](caf::ok_atom) { quit(); },
    };
  }

 private:
  int add_;
};

class unit_test : public testing::Test {
 protected:
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
};

TEST_F(unit_test, a_pinned_actor_runs_on_its_unit_only) {
  unit home(system_, "home");
  const auto echo = spawn_pinned<echo_actor>(home, 1);
  home.start();
  caf::scoped_actor self(system_);
  for (int i = 0; i < 100; ++i) {
    self->request(echo, caf::infinite, i)
        .receive([&](int got) { EXPECT_EQ(got, i + 1); },
                 [](const caf::error&) { FAIL() << "no answer"; });
  }
  self->send_exit(echo, caf::exit_reason::user_shutdown);
  self->wait_for(echo);
}

TEST_F(unit_test, a_request_to_a_stopped_actor_is_answered_with_an_error) {
  unit home(system_, "home");
  const auto echo = spawn_pinned<echo_actor>(home, 1);
  home.start();
  caf::scoped_actor self(system_);
  self->send(echo, caf::ok_atom::value);
  self->wait_for(echo);
  bool refused = false;
  self->request(echo, caf::infinite, 1)
      .receive([](int) { FAIL(); }, [&](const caf::error&) { refused = true; });
  EXPECT_TRUE(refused);
}

TEST_F(unit_test, stops_with_mail_left_and_leaks_nothing) {
  unit home(system_, "home");
  const auto echo = spawn_pinned<echo_actor>(home, 1);
  for (int i = 0; i < 10; ++i) caf::anon_send(echo, i);
  caf::anon_send_exit(echo, caf::exit_reason::kill);
  home.start();
  caf::scoped_actor self(system_);
  self->wait_for(echo);
  home.stop();
  home.join();
}

}  // namespace
}  // namespace fleetgate::runtime
