#include "actors/observe/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace fleetgate::observe {
namespace {

using namespace std::chrono_literals;

class log_output {
 public:
  void write(std::string_view line) {
    std::lock_guard hold(mutex_);
    lines_.emplace_back(line);
  }
  std::vector<nlohmann::json> events() {
    std::lock_guard hold(mutex_);
    std::vector<nlohmann::json> out;
    for (const auto& line : lines_) out.push_back(nlohmann::json::parse(line));
    return out;
  }
  std::vector<std::string> lines() {
    std::lock_guard hold(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

class structured_log : public testing::Test {
 protected:
  log_options options() {
    log_options o;
    o.format = log_format::json;
    o.write = [this](std::string_view line) { output.write(line); };
    o.now = [this] { return now; };
    return o;
  }

  log_output output;
  std::chrono::system_clock::time_point now{1714533120042ms};
};

TEST_F(structured_log, the_least_level_can_be_set_while_it_runs) {
  {
    logger log(options());
    EXPECT_EQ(log.least(), log_level::info);
    log.debug("test.before");
    log.set_least(log_level::debug);
    EXPECT_TRUE(log.enabled(log_level::debug));
    log.debug("test.between");
    log.set_least(log_level::error);
    log.warn("test.after");
    log.error("test.error");
  }
  std::vector<std::string> names;
  for (const auto& e : output.events()) names.push_back(e["event"]);
  EXPECT_THAT(names, testing::ElementsAre("test.between", "test.error"));
}

TEST_F(structured_log, what_was_logged_is_written_before_the_logger_is_gone) {
  {
    logger log(options());
    for (int i = 0; i < 5; ++i) log.info("unit.started", {{"n", i}});
  }
  const auto events = output.events();
  ASSERT_EQ(events.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(events[static_cast<std::size_t>(i)]["n"], i);
  for (const auto& line : output.lines()) EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST_F(structured_log, levels_below_the_least_are_not_written) {
  auto o = options();
  o.least = log_level::warn;
  {
    logger log(std::move(o));
    EXPECT_FALSE(log.enabled(log_level::info));
    EXPECT_TRUE(log.enabled(log_level::error));
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
  }
  const auto events = output.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["event"], "c");
  EXPECT_EQ(events[1]["level"], "error");
}

TEST_F(structured_log, repeats_are_summed_up_when_their_interval_is_over) {
  {
    logger log(options());
    for (int i = 0; i < 25; ++i) log.warn("sink.retry");
    EXPECT_EQ(log.suppressed(), 15u);
    now += 10s;
    log.sweep();
    now += 1s;
    log.info("other");
  }
  const auto events = output.events();
  ASSERT_EQ(events.size(), 12u);
  EXPECT_EQ(events[10]["event"], "sink.retry");
  EXPECT_EQ(events[10]["level"], "warn");
  EXPECT_EQ(events[10]["suppressed"], 15);
  EXPECT_EQ(events[11]["event"], "other");
}

TEST_F(structured_log, any_later_event_brings_due_summaries_with_it) {
  {
    logger log(options());
    for (int i = 0; i < 11; ++i) log.warn("sink.retry");
    now += 10s;
    log.info("other");
  }
  const auto events = output.events();
  ASSERT_EQ(events.size(), 12u);
  EXPECT_EQ(events[10]["suppressed"], 1);
}

TEST_F(structured_log, the_last_summary_is_written_at_the_end) {
  {
    logger log(options());
    for (int i = 0; i < 13; ++i) log.warn("sink.retry");
  }
  ASSERT_EQ(output.events().size(), 11u);
  EXPECT_EQ(output.events().back()["suppressed"], 3);
}

TEST_F(structured_log, a_full_queue_overruns_the_oldest_and_counts_them) {
  std::promise<void> entered;
  std::promise<void> release;
  bool first = true;
  auto o = options();
  o.queue_events = 4;
  o.burst = 1000;
  o.write = [&](std::string_view line) {
    if (std::exchange(first, false)) {
      entered.set_value();
      release.get_future().wait();  // a terminal that does not read
    }
    output.write(line);
  };
  {
    logger log(std::move(o));
    log.info("n", {{"i", 0}});
    entered.get_future().wait();
    for (int i = 1; i <= 100; ++i) log.info("n", {{"i", i}});
    EXPECT_EQ(log.overrun(), 96u);
    release.set_value();
  }
  std::vector<int> written;
  for (const auto& e : output.events()) written.push_back(e["i"]);
  EXPECT_THAT(written, testing::ElementsAre(0, 97, 98, 99, 100));
}

TEST_F(structured_log, threads_may_log_at_once) {
  auto o = options();
  o.burst = 1000;
  {
    logger log(std::move(o));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 100; ++i) log.info("n", {{"thread", t}, {"i", i}});
      });
    }
    for (auto& t : threads) t.join();
    EXPECT_EQ(log.overrun(), 0u);
  }
  std::vector<int> next(4, 0);
  for (const auto& e : output.events()) {
    const auto t = e["thread"].get<std::size_t>();
    EXPECT_EQ(e["i"], next[t]++);  // each thread's own order is kept
  }
  EXPECT_THAT(next, testing::Each(100));
}

}  // namespace
}  // namespace fleetgate::observe
