#include "actors/runtime/mailbox.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace fleetgate::runtime {
namespace {

using model::traffic_class;

std::vector<int> drain_all(mailbox<int>& m, std::size_t most = 1000) {
  std::vector<int> out;
  m.drain(most, [&](traffic_class, int v) { out.push_back(v); });
  return out;
}

TEST(mailbox, hands_out_higher_classes_first_and_each_in_order) {
  mailbox<int> m({10, 1000});
  for (int v : {1, 2}) m.offer(traffic_class::telemetry, v, 1);
  for (int v : {3, 4}) m.offer(traffic_class::control, v, 1);
  EXPECT_EQ(drain_all(m), (std::vector{3, 4, 1, 2}));
}

TEST(mailbox, refuses_beyond_its_items_and_leaves_the_item_with_the_sender) {
  mailbox<std::string> m({1, 1000});
  std::string first = "first", second = "second";
  EXPECT_TRUE(m.offer(traffic_class::event, first, 1).accepted);
  EXPECT_FALSE(m.offer(traffic_class::event, second, 1).accepted);
  EXPECT_EQ(second, "second");
  EXPECT_EQ(m.refused(), 1u);
  EXPECT_TRUE(m.offer(traffic_class::control, second, 1).accepted) << "lanes have their own limits";
}

TEST(mailbox, refuses_beyond_its_bytes_but_takes_one_large_item_into_an_empty_lane) {
  mailbox<int> m({10, 100});
  int v = 1;
  EXPECT_TRUE(m.offer(traffic_class::event, v, 500).accepted);
  EXPECT_FALSE(m.offer(traffic_class::event, v, 1).accepted);
  EXPECT_EQ(m.depth(traffic_class::event).bytes, 500u);
  drain_all(m);
  EXPECT_EQ(m.depth(traffic_class::event).bytes, 0u);
}

TEST(mailbox, hands_out_a_part_of_one_lane_and_tells_what_is_left) {
  mailbox<int> m({10, 1000});
  for (int v : {1, 2, 3}) m.offer(traffic_class::event, v, 5);
  int control = 9;
  m.offer(traffic_class::control, control, 1);
  std::vector<int> out;
  m.drain_lane(traffic_class::event, 2, [&](int v) { out.push_back(v); });
  EXPECT_EQ(out, (std::vector{1, 2}));
  EXPECT_EQ(m.depth(traffic_class::event).items, 1u);
  EXPECT_EQ(m.bytes(), 6u);
}

TEST(mailbox, wakes_its_reader_once_until_it_sleeps_again) {
  mailbox<int> m({10, 1000});
  int v = 1;
  EXPECT_TRUE(m.offer(traffic_class::event, v, 1).wake_reader);
  EXPECT_FALSE(m.offer(traffic_class::event, v, 1).wake_reader);
  EXPECT_FALSE(m.sleep()) << "there is more to read";
  drain_all(m);
  EXPECT_FALSE(m.offer(traffic_class::event, v, 1).wake_reader) << "the reader is still awake";
  drain_all(m);
  EXPECT_TRUE(m.sleep());
  EXPECT_TRUE(m.offer(traffic_class::event, v, 1).wake_reader);
}

TEST(mailbox, a_reader_that_leaves_something_sleeps_only_where_nothing_new_has_come) {
  mailbox<int> m({10, 1000});
  int v = 1;
  m.offer(traffic_class::event, v, 1);
  const auto seen = m.accepted();
  m.offer(traffic_class::control, v, 1);
  EXPECT_FALSE(m.sleep_since(seen)) << "another sender was not heard";
  EXPECT_TRUE(m.sleep_since(m.accepted()));
  EXPECT_TRUE(m.offer(traffic_class::event, v, 1).wake_reader);
}

TEST(mailbox, low_lanes_get_a_minimum_share) {
  mailbox<int> m({1000, 100000});
  for (int i = 0; i < 500; ++i) {
    int c = i, t = 1000 + i;
    m.offer(traffic_class::control, c, 1);
    m.offer(traffic_class::telemetry, t, 1);
  }
  const auto out = drain_all(m, 160);
  const auto low = std::count_if(out.begin(), out.end(), [](int v) { return v >= 1000; });
  EXPECT_EQ(out.size(), 160u);
  EXPECT_EQ(low, 160 / 16 + 1);
}

TEST(mailbox, loses_nothing_between_threads) {
  constexpr int senders = 4, each = 20'000;
  mailbox<int> m({64, 1 << 20});
  std::vector<std::thread> threads;
  for (int s = 0; s < senders; ++s) {
    threads.emplace_back([&m, s] {
      for (int i = 0; i < each; ++i) {
        int v = s * each + i;
        while (!m.offer(traffic_class::event, v, 1).accepted) std::this_thread::yield();
      }
    });
  }
  std::vector<int> last(senders, -1);
  for (int got = 0; got < senders * each;) {
    m.drain(100, [&](traffic_class, int v) {
      EXPECT_GT(v % each, last[static_cast<std::size_t>(v / each)]) << "order of one sender";
      last[static_cast<std::size_t>(v / each)] = v % each;
      ++got;
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_TRUE(m.sleep());
}

}  // namespace
}  // namespace fleetgate::runtime
