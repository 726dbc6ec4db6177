// The road of a message through the session makes no allocation once its buffers have grown.
#include <gtest/gtest.h>

#include "tests/counted_allocations.hpp"
#include "tests/protocol/native/support.hpp"

namespace fleetgate::native {
namespace {

struct collector final : session_handler {
  std::vector<std::uint16_t> tickets;
  void on_hello(const hello_request&) override {}
  flow on_publish(const publish_view& p) override {
    tickets.push_back(p.ticket);
    return flow::go_on;
  }
  void on_command_ack(const command_ack_packet&) override {}
  void on_goodbye(const goodbye_packet&) override {}
};

TEST(allocation, steady_state_makes_none) {
  for (const bool in_batches : {false, true}) {
    wire w;
    w.open();
    std::vector<std::string> rounds;
    for (unsigned round = 0; round < 5; ++round) {
      std::string stream;
      const auto first = 1u + 64u * round;
      for (unsigned i = 0; i < 64 && !in_batches; ++i) stream += publication(first + i);
      rounds.push_back(in_batches ? batch_of(first, 64) : stream);
    }
    collector handler;
    handler.tickets.reserve(64);
    std::size_t before = 0;
    for (std::size_t round = 0; round < rounds.size(); ++round) {
      if (round == 1)
        before = counted::allocations;  // the first may grow the tables and the buffer
      handler.tickets.clear();
      w.out.clear();
      ASSERT_EQ(w.it.consume(as_bytes(rounds[round]), handler, w.out, 1).consumed,
                rounds[round].size());
      for (const auto t : handler.tickets) w.it.settle(t, {}, {}, w.out);
      w.it.flush(w.out);
      ASSERT_EQ(handler.tickets.size(), 64u);
    }
    EXPECT_EQ(counted::allocations, before) << in_batches;
  }
}

}  // namespace
}  // namespace fleetgate::native
