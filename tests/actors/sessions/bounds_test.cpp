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

}  // namespace
}  // namespace fleetgate::sessions
