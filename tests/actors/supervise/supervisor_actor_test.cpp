#include "actors/supervise/supervisor_actor.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <future>
#include <stdexcept>
#include <system_error>

#include "actors/runtime/actor_body.hpp"
#include "actors/runtime/mail.hpp"

namespace fleetgate::supervise {
namespace {

/// Adds up what its mailbox holds; what it knows is the sum.
class adding_body final : public runtime::actor_body {
 public:
  explicit adding_body(runtime::mail<int>& mail) : mail_(mail) {}
  const char* name() const override { return "adding"; }

  std::atomic<int> runners{0};

 private:
  caf::behavior make_behavior() override {
    ++runners;
    return {[this](runtime::wake_atom) {
              mail_.read(1, [this](auto, int n) {
                sum_ += n;
                if (n < 0) throw std::runtime_error("less than nothing");
              });
            },
            [this](caf::get_atom) { return sum_; }};
  }

  runtime::mail<int>& mail_;
  int sum_ = 0;
};

class a_supervisor : public testing::Test {
 protected:
  a_supervisor() {
    const auto spawn = [this] {
      if (refusals != 0) {
        --refusals;
        throw std::system_error(EAGAIN, std::generic_category());
      }
      auto made = runtime::run_detached(system_, body_);
      at_.connect(made);
      mail_.connect(made);
      return made;
    };
    it_ = system_.spawn<supervisor_actor>(
        "group", std::vector<watched_actor>{{"adding", spawn(), spawn, &probe_}}, 1u, nullptr,
        trace_, log_);
    self_->monitor(it_);
  }
  ~a_supervisor() override {
    for (const auto& a : {it_, at_.get()}) {
      self_->send_exit(a, caf::exit_reason::user_shutdown);
      self_->wait_for(a);
    }
    mail_.disconnect();
    at_.disconnect();
  }

  void post(int n) { ASSERT_TRUE(mail_.post(model::traffic_class::event, n, 4)); }
  void kill() {
    const caf::actor now = at_.get();
    caf::anon_send_exit(now, caf::exit_reason::kill);
    self_->wait_for(now);
  }
  /// Asks whoever is there until somebody answers so.
  void expect_sum(int wanted) {
    for (int answer = wanted - 1; answer != wanted;) {
      self_->request(at_.get(), std::chrono::milliseconds(20), caf::get_atom::value)
          .receive([&](int sum) { answer = sum; }, [](const caf::error&) {});
    }
  }
  contract::actor_report report() {
    contract::supervisor_report got;
    self_->request(it_, caf::infinite, report_atom::value)
        .receive([&](contract::supervisor_report& r) { got = std::move(r); },
                 [](const caf::error&) { throw std::runtime_error("the supervisor is gone"); });
    return got.actors.at(0);
  }

  std::atomic<int> refusals = 0;  // of threads
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  runtime::mail<int> mail_{{1000, 4000}};
  adding_body body_{mail_};
  runtime::address at_;
  observe::actor_probe probe_;
  observe::trace_writer trace_;
  observe::logger log_{[] {
    observe::log_options o;
    o.write = [](std::string_view) {};
    return o;
  }()};
  caf::scoped_actor self_{system_};
  caf::actor it_;
};

TEST_F(a_supervisor, has_a_successor_take_over_a_full_mailbox) {
  for (int i = 1; i <= 100; ++i) post(i);
  kill();
  for (int i = 1; i <= 100; ++i) post(i);
  expect_sum(2 * 5050);
  EXPECT_EQ(report().restarts, 1u);
  EXPECT_EQ(probe_.restarts.value(), 1u);
  EXPECT_EQ(probe_.ended.value(), 0);
}

TEST_F(a_supervisor, goes_on_after_an_exception_and_says_what_it_was) {
  post(-1);
  post(6);
  expect_sum(5);
  const auto r = report();
  EXPECT_EQ(r.restarts, 1u);
  ASSERT_TRUE(r.last_error);
  EXPECT_EQ(r.last_error->code, fault_code::internal);
  EXPECT_EQ(r.last_error->detail, "less than nothing");
}

TEST_F(a_supervisor, waits_where_the_system_gives_no_thread) {
  refusals = 2;
  post(-1);
  post(6);
  expect_sum(5);
  const auto r = report();
  EXPECT_EQ(r.restarts, 1u);
  ASSERT_TRUE(r.last_error);
  EXPECT_EQ(r.last_error->code, fault_code::no_thread);
}

TEST_F(a_supervisor, ends_with_that_fault_where_an_actor_ends_too_often) {
  for (int i = 0; i < 6; ++i) post(-1);
  self_->receive([&](const caf::down_msg& down) {
    EXPECT_EQ(down.source, it_.address());
    const auto why = runtime::fault_of(down.reason);
    ASSERT_TRUE(why);
    EXPECT_EQ(why->detail, "less than nothing");
  });
  EXPECT_EQ(body_.runners, 6) << "the first one and five successors";
  EXPECT_EQ(probe_.ended.value(), 1);
}

TEST_F(a_supervisor, that_is_above_is_told_when_one_below_gives_up) {
  std::promise<fault> told;
  const auto root = system_.spawn<supervisor_actor>(
      "root", std::vector<watched_actor>{{"group", it_, nullptr, nullptr}}, 1u,
      [&](const fault& why) { told.set_value(why); }, trace_, log_);
  for (int i = 0; i < 6; ++i) post(-1);
  EXPECT_EQ(told.get_future().get().detail, "less than nothing");
  self_->send_exit(root, caf::exit_reason::user_shutdown);
  self_->wait_for(root);
}

TEST_F(a_supervisor, starts_nobody_again_who_ended_as_told) {
  self_->send_exit(at_.get(), caf::exit_reason::user_shutdown);
  self_->wait_for(at_.get());
  EXPECT_EQ(report().restarts, 0u);
  EXPECT_EQ(body_.runners, 1);
}

}  // namespace
}  // namespace fleetgate::supervise
