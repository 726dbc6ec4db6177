// Where an allocation fails in the middle of a message, nothing of it is in the next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/sessions/broker.hpp"
#include "tests/counted_allocations.hpp"

namespace fleetgate::sessions {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(a_broker, sends_a_message_to_whom_it_matches_where_memory_ran_out_in_the_one_before) {
  const auto a = connect("a"), b = connect("b");
  subscribe(a, "x", 0);
  subscribe(b, "y", 0);
  model::envelope x;
  x.topic = "x";
  bool failed = true;
  for (std::size_t n = 1; failed; ++n) {
    failed = false;
    counted::fails_at = n;
    try {
      brain->publish(x, now_ns);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    counted::fails_at = 0;
    brain->out() = {};
    publish("y");
    EXPECT_THAT(take_sent(a), IsEmpty()) << n;
    EXPECT_THAT(take_sent(b), ElementsAre("y q0")) << n;
  }
}

}  // namespace
}  // namespace fleetgate::sessions
