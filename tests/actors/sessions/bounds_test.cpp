// What all clients of the sessions stage together may take of memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/sessions/broker.hpp"

namespace fleetgate::sessions {
namespace {

using observe::undelivered;
using testing::ElementsAre;

TEST_F(a_broker, bounds_what_waits_for_all_that_are_away_and_for_nobody_else) {
  constexpr std::size_t weight = 256 + 1 + 100;
  limits.away_queue_bytes = 3 * weight;
  start();
  for (const auto* id : {"a", "b"}) {
    const auto c = connect(id, persistent());
    subscribe(c, "x", 1);
    go(c, true, 1000);
  }
  const auto here = connect("here");
  subscribe(here, "x", 1);
  const std::string payload(100, 'p');
  publish("x", 1, false, payload);
  publish("x", 1, false, payload);
  EXPECT_EQ(probe->away_queue_bytes.value(), 3 * weight);
  EXPECT_EQ(probe->undelivered_there[undelivered::queue_full].value(), 1u);
  EXPECT_THAT(take_sent(here), ElementsAre("x q1 #1", "x q1 #2"));
  restart();
  EXPECT_EQ(probe->away_queue_bytes.value(), 3 * weight);
  publish("x", 1, false, payload);
  EXPECT_EQ(probe->undelivered_there[undelivered::queue_full].value(), 2u);
  const auto a = connect("a", persistent());
  EXPECT_EQ(take_sent(a).size(), 2u);
  EXPECT_EQ(probe->away_queue_bytes.value(), 1 * weight);
  go(a, true, 1000);
  EXPECT_EQ(probe->away_queue_bytes.value(), 3 * weight);
  connect("a");
  EXPECT_EQ(probe->away_queue_bytes.value(), 1 * weight) << "a clean start ends the session";
}

TEST_F(a_broker, bounds_the_bytes_of_filters_of_a_session_and_of_all) {
  const std::string a20(20, 'a'), b20(20, 'b');
  constexpr std::size_t memory = 2 * 20 + 96;
  limits.filter_bytes_per_session = 39;
  limits.filter_bytes = 2 * memory;
  start();
  auto answer = [&](const client& c, const std::string& filter) {
    subscribe(c, mqtt::subscription{filter, 0, false, false, 0});
    return take_sent(c).at(0);
  };
  const auto a = connect("a", persistent()), b = connect("b"), c = connect("c");
  EXPECT_EQ(answer(a, a20), "SUBACK 0");
  EXPECT_EQ(answer(a, b20), "SUBACK 151") << "39 bytes a session";
  EXPECT_EQ(answer(a, a20), "SUBACK 0") << "it has that one";
  EXPECT_EQ(answer(b, b20), "SUBACK 0");
  EXPECT_EQ(probe->filter_bytes.value(), 2 * memory);
  EXPECT_EQ(answer(c, "c"), "SUBACK 151") << "no room for all";
  go(b);
  EXPECT_EQ(probe->filter_bytes.value(), 1 * memory);
  EXPECT_EQ(answer(c, "c"), "SUBACK 0");
  restart();
  EXPECT_EQ(probe->filter_bytes.value(), 1 * memory);
  const auto again = connect("a", persistent());
  EXPECT_EQ(answer(again, b20), "SUBACK 151");
  std::string filter;
  mqtt::append_filter(a20, filter);
  tell(again, contract::unsubscribe_request{11, filter});
  EXPECT_EQ(probe->filter_bytes.value(), 0);
  EXPECT_EQ(take_sent(again).at(0), "UNSUBACK 0");
  EXPECT_EQ(answer(again, b20), "SUBACK 0");
}

}  // namespace
}  // namespace fleetgate::sessions
