#include "actors/state/state_actor.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <stdexcept>

namespace fleetgate::state {
namespace {

class moody_store final : public contract::state_store {
 public:
  result<void> apply(const std::vector<contract::state_change>& changes) override {
    if (changes.front().key == "throw") throw std::runtime_error("a bug");
    if (changes.front().key == "fail") return failure(fault_code::storage_io, "the disk");
    return {};
  }
  result<std::optional<std::string>> get(std::string_view, std::string_view) override {
    return std::nullopt;
  }
  result<void> scan(std::string_view,
                    const std::function<void(std::string_view, std::string_view)>&) override {
    return {};
  }
};

/// The test is dedup: it posts snapshots and gets the answers.
class state_actor_that : public ::testing::Test {
 protected:
  state_actor_that() {
    me_.connect(caf::actor(self_));
    state_ = runtime::run_detached(system_, body_);
    mail_.snapshots.connect(state_);
  }
  ~state_actor_that() override {
    mail_.snapshots.disconnect();
    self_->send_exit(state_, caf::exit_reason::user_shutdown);
    self_->wait_for(state_);
  }

  void post(const std::string& key) {
    contract::snapshot s;
    s.number = ++number_;
    s.changes = {{"t", key, "v"}};
    ASSERT_TRUE(mail_.snapshots.post(model::traffic_class::control, s, 0));
  }
  bool stored(const std::string& key) {
    post(key);
    bool ok = false;
    self_->receive([&](stored_atom, std::uint64_t number, bool answer) {
      EXPECT_EQ(number, number_);
      ok = answer;
    });
    return ok;
  }
  bool progressed() {
    bool yes = false;
    self_->request(state_, caf::infinite, progress_atom::value)
        .receive([&](bool answer) { yes = answer; },
                 [](const caf::error&) { throw std::runtime_error("the actor is gone"); });
    return yes;
  }

  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  moody_store store_;
  contract::journal_mail mail_{1, {16, 1 << 20}};
  observe::logger log_{observe::log_options{}};
  caf::scoped_actor self_{system_};
  runtime::address me_;
  state_actor body_{store_, mail_, me_, log_};
  caf::actor state_;
  std::uint64_t number_ = 0;
};

using state_that = state_actor_that;

TEST_F(state_that, meets_an_exception_answers_as_for_a_failed_write_and_goes_on) {
  EXPECT_FALSE(stored("throw"));
  EXPECT_FALSE(stored("fail"));
  EXPECT_TRUE(stored("k"));
}

TEST_F(state_that, is_asked_for_progress_tells_once_of_what_came_before) {
  EXPECT_FALSE(progressed());
  post("k");
  EXPECT_TRUE(progressed()) << "the question came behind the snapshot";
  EXPECT_FALSE(progressed());
}

}  // namespace
}  // namespace fleetgate::state
