// Retained messages on their way to new subscriptions: all of them, in parts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/actors/sessions/broker.hpp"

namespace fleetgate::sessions {
namespace {

using observe::undelivered;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class a_broker_of_retained : public a_broker {
 protected:
  void retain(std::size_t messages, std::uint8_t qos, std::size_t bytes = 1) {
    for (std::size_t i = 0; i < messages; ++i) {
      publish("r/" + std::to_string(100 + i), qos, true, std::string(bytes, 'p'));
    }
  }
  void ask(const client& c, std::string_view filter, std::uint8_t qos, std::uint8_t handling = 0) {
    subscribe(c, mqtt::subscription{filter, qos, false, false, handling});
  }
  /// PUBLISHes by topic, each answered, until there are no more.
  std::vector<std::string> read_all(const client& c) {
    std::vector<std::string> topics;
    for (auto lines = take_sent(c); !lines.empty(); lines = take_sent(c)) {
      for (const auto& line : lines) {
        if (line.starts_with("SUBACK")) continue;
        topics.push_back(line.substr(0, line.find(' ')));
        const auto id = line.find('#');
        if (id == std::string::npos) continue;
        const auto number = static_cast<std::uint16_t>(std::stoi(line.substr(id + 1)));
        ack(c, packet_type::puback, number);
      }
    }
    return topics;
  }
};

TEST_F(a_broker_of_retained, brings_all_to_a_client_that_answers_however_short_its_queue) {
  limits.queue.messages = 10;
  start();
  retain(50, 1);
  const auto a = connect("a");
  ask(a, "#", 1);
  EXPECT_EQ(probe->queued.value(), 5) << "half of the queue is for what comes live";
  publish("live", 1);
  EXPECT_EQ(probe->queued.value(), 6);
  const auto topics = read_all(a);
  EXPECT_THAT(topics, SizeIs(51));
  EXPECT_THAT(std::set(topics.begin(), topics.end()), SizeIs(51));
  EXPECT_EQ(probe->undelivered_there[undelivered::queue_full].value(), 0u);
}

TEST_F(a_broker_of_retained, skips_only_what_fits_into_no_queue) {
  limits.queue.bytes = 1000;
  start();
  retain(3, 1, 400);
  publish("r/large", 1, true, std::string(2000, 'p'));
  publish("r/z", 1, true);
  const auto a = connect("a");
  ask(a, "#", 1);
  EXPECT_THAT(read_all(a), ElementsAre("r/100", "r/101", "r/102", "r/z"));
  EXPECT_EQ(probe->undelivered_there[undelivered::queue_full].value(), 1u);
}

TEST_F(a_broker_of_retained, goes_on_where_what_filled_the_queue_is_too_large_for_the_client) {
  limits.queue.messages = 4;
  start();
  retain(9, 1, 100);
  auto how = coming{};
  how.maximum_packet_size = 50;
  const auto a = connect("a", how);
  ask(a, "#", 1);
  EXPECT_EQ(probe->undelivered_there[undelivered::too_large].value(), 9u);
  EXPECT_EQ(probe->queued.value(), 0);
}

TEST_F(a_broker_of_retained, brings_qos_0_in_parts_as_the_connection_sends_them) {
  words_come = false;
  retain(10, 0, 10'000);
  const auto a = connect("a");
  ask(a, "#", 0);
  EXPECT_THAT(take_sent(a), SizeIs(1 + 3)) << "SUBACK, and what is less than 32 KiB";
  ask(a, "r/105", 0);
  EXPECT_THAT(take_sent(a), ElementsAre("SUBACK 0")) << "one part at a time";
  std::size_t messages = 3;
  for (int i = 0; i < 3; ++i) {
    word(a.ref);
    settle();
    messages += take_sent(a).size();
  }
  EXPECT_EQ(messages, 11u);
  EXPECT_EQ(probe->routed.value(), 11u);
}

TEST_F(a_broker_of_retained, looks_at_so_many_topics_a_turn_and_then_at_others) {
  retain(100, 0);
  std::string filters;
  constexpr std::size_t own = 1000;
  for (std::size_t i = 0; i < own; ++i) {
    append(mqtt::subscription{"+/" + std::to_string(i) + "/nobody", 0, false, false, 0}, filters);
  }
  const auto a = connect("a"), b = connect("b");
  brain->take({a.ref, a.id, contract::subscribe_request{10, 0, filters}}, {steady_ns(), now_ns});
  filters.clear();
  append(mqtt::subscription{"r/100", 0, false, false, 0}, filters);
  brain->take({b.ref, b.id, contract::subscribe_request{10, 0, filters}}, {steady_ns(), now_ns});
  EXPECT_TRUE(brain->replay(now_ns));
  settle_part();
  EXPECT_THAT(take_sent(b), ElementsAre("SUBACK 0", "r/100 q0 retain"));
  settle();
  EXPECT_FALSE(brain->replay(now_ns));
}

TEST_F(a_broker_of_retained, comes_to_an_end_where_the_topics_end_with_what_may_be_looked_at) {
  retain(1024, 0);
  const auto a = connect("a");
  std::string filters;
  for (const char* filter : {"+/+/nobody", "r/100"}) {
    append(mqtt::subscription{filter, 0, false, false, 0}, filters);
  }
  brain->take({a.ref, a.id, contract::subscribe_request{10, 0, filters}}, {steady_ns(), now_ns});
  for (int turns = 0; brain->replay(now_ns); ++turns) ASSERT_LT(turns, 3);
  settle();
  EXPECT_THAT(take_sent(a), testing::Contains("r/100 q0 retain"));
}

TEST_F(a_broker_of_retained, goes_on_over_another_connection_and_begins_anew_after_kill_9) {
  limits.queue.messages = 4;
  start();
  retain(6, 1);
  auto a = connect("a", persistent());
  ask(a, "#", 1);
  EXPECT_THAT(take_sent(a), SizeIs(1 + 2));
  go(a, true, 1000);
  a = connect("a", persistent());
  EXPECT_THAT(take_sent(a), ElementsAre("r/100 q1 #1 dup retain", "r/101 q1 #2 dup retain"));
  ack(a, packet_type::puback, 1);
  EXPECT_THAT(take_sent(a), ElementsAre("r/102 q1 #3 retain"));
  restart();
  a = connect("a", persistent());
  const auto topics = read_all(a);
  EXPECT_EQ(std::set(topics.begin(), topics.end()).size(), 6u);
  restart();
  EXPECT_THAT(read_all(connect("a", persistent())), IsEmpty()) << "it was done";
}

TEST_F(a_broker_of_retained, ends_with_the_subscription_and_begins_anew_where_it_is_asked_for) {
  limits.queue.messages = 4;
  start();
  retain(4, 1);
  const auto a = connect("a");
  ask(a, "r/#", 1);
  ask(a, "r/#", 1, 2);
  EXPECT_THAT(read_all(a), SizeIs(4)) << "other options take nothing away";
  ask(a, "r/#", 1);
  ask(a, "r/#", 1);
  EXPECT_THAT(read_all(a), SizeIs(2 + 4)) << "two were in the queue";
  ask(a, "r/#", 1);
  std::string filter;
  mqtt::append_filter("r/#", filter);
  tell(a, contract::unsubscribe_request{11, filter});
  EXPECT_EQ(probe->queued.value(), 2);
  ack(a, packet_type::puback, 11);
  ack(a, packet_type::puback, 12);
  EXPECT_EQ(probe->queued.value(), 0);
}

}  // namespace
}  // namespace fleetgate::sessions
