#include "actors/node/reload_desk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace fleetgate::node {
namespace {

using contract::reload_outcome;
using testing::ElementsAre;
using testing::IsEmpty;

/// Main's loop and the reading thread, both by hand.
class desk : public testing::Test {
 protected:
  /// Runs what main was given.
  void run_main() {
    while (!to_main.empty()) {
      const auto what = std::move(to_main.front());
      to_main.pop_front();
      what();
    }
  }

  /// Ends the reading that is under way.
  void read(config_reading got = config{}) {
    ASSERT_EQ(readings.size(), 1u);
    const auto then = std::move(readings.front());
    readings.pop_front();
    then(std::move(got));
    run_main();
  }

  contract::reload_reply heard_as(const std::string& who) {
    return [this, who](const reload_outcome& became) {
      const std::string what = became ? std::to_string(became->size())
                                      : std::string(describe(became.error().why.code).name);
      heard.push_back(who + ": " + what);
    };
  }

  std::deque<std::function<void()>> to_main;
  std::deque<std::function<void(config_reading)>> readings;
  std::vector<std::string> heard;
  std::size_t taken_over = 0;
  reload_desk under_test{{[this](auto what) { to_main.push_back(std::move(what)); },
                          [this](auto then) { readings.push_back(std::move(then)); },
                          [this](config_reading got) -> reload_outcome {
                            if (!got) return tl::unexpected(std::move(got.error()));
                            return std::vector<contract::config_change>(++taken_over);
                          }}};
};

TEST_F(desk, a_signal_is_one_reading_that_is_taken_over) {
  under_test.ask(nullptr);
  EXPECT_TRUE(readings.empty()) << "asking does nothing on the asker's thread";
  run_main();
  read();
  EXPECT_EQ(taken_over, 1u);
  EXPECT_TRUE(readings.empty());
}

TEST_F(desk, a_thousand_signals_in_a_row_are_two_readings) {
  under_test.ask(nullptr);
  run_main();
  for (int i = 0; i < 1000; ++i) under_test.ask(nullptr);
  run_main();
  read();
  read();
  EXPECT_EQ(taken_over, 2u);
  EXPECT_TRUE(readings.empty());
}

TEST_F(desk, those_who_ask_before_it_begins_share_a_reading) {
  under_test.ask(heard_as("a"));
  under_test.ask(nullptr);
  under_test.ask(heard_as("b"));
  run_main();
  read();
  EXPECT_THAT(heard, ElementsAre("a: 1", "b: 1"));
  EXPECT_TRUE(readings.empty());
}

TEST_F(desk, who_asks_during_a_reading_hears_of_the_next_as_the_file_may_have_changed_since) {
  under_test.ask(heard_as("a"));
  run_main();
  under_test.ask(heard_as("b"));
  read();
  EXPECT_THAT(heard, ElementsAre("a: 1"));
  read();
  EXPECT_THAT(heard, ElementsAre("a: 1", "b: 2"));
}

TEST_F(desk, a_refusal_is_told_and_the_next_reading_is_as_good_as_any) {
  under_test.ask(heard_as("a"));
  run_main();
  read(tl::unexpected(contract::reload_refusal{fault(fault_code::config_invalid), {}, {}}));
  under_test.ask(heard_as("b"));
  run_main();
  read();
  EXPECT_THAT(heard, ElementsAre("a: config_invalid", "b: 1"));
}

TEST_F(desk, those_who_wait_are_bounded_and_signals_are_not_refused_for_them) {
  under_test.ask(nullptr);
  run_main();
  for (std::size_t i = 0; i < reload_desk::most_waiting; ++i) under_test.ask(heard_as("w"));
  EXPECT_THAT(heard, IsEmpty());
  under_test.ask(heard_as("late"));
  EXPECT_THAT(heard, ElementsAre("late: server_busy"));
  under_test.ask(nullptr);
  read();
  read();
  EXPECT_EQ(heard.size(), 1 + reload_desk::most_waiting);
}

TEST_F(desk, a_node_that_goes_tells_everybody_and_takes_nothing_over_any_more) {
  under_test.ask(heard_as("a"));
  run_main();
  under_test.ask(heard_as("b"));
  EXPECT_TRUE(under_test.close());
  EXPECT_THAT(heard, ElementsAre("b: server_shutting_down", "a: server_shutting_down"));
  under_test.ask(heard_as("c"));
  under_test.ask(nullptr);
  EXPECT_EQ(heard.back(), "c: server_shutting_down");
  read();
  EXPECT_EQ(taken_over, 0u);
  EXPECT_TRUE(readings.empty());
  EXPECT_FALSE(under_test.close());
}

TEST_F(desk, a_signal_that_comes_with_the_end_begins_no_reading) {
  under_test.ask(nullptr);
  EXPECT_FALSE(under_test.close());
  run_main();
  EXPECT_TRUE(readings.empty());
}

}  // namespace
}  // namespace fleetgate::node
