#include "actors/ingress/connection_quota.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace fleetgate::ingress {
namespace {

TEST(a_connection_quota, counts_each_listener_by_itself) {
  connection_quota all(100), mqtt(2, &all), native(1, &all);
  const auto first = mqtt.take(), second = mqtt.take();
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(mqtt.take());
  EXPECT_TRUE(native.take()) << "what others have is nothing to it";
}

TEST(a_connection_quota, gives_the_place_of_one_that_is_gone_to_the_next) {
  connection_quota all(1), mqtt(1, &all);
  auto place = mqtt.take();
  EXPECT_FALSE(mqtt.take());
  connection_place held = std::move(*place);
  place.reset();
  EXPECT_FALSE(mqtt.take()) << "it was handed on";
  held = {};
  EXPECT_TRUE(mqtt.take());
}

TEST(a_connection_quota, lets_all_listeners_together_have_no_more_than_there_is) {
  connection_quota all(2), mqtt(2, &all), native(2, &all);
  auto first = mqtt.take();
  const auto second = native.take();
  EXPECT_FALSE(mqtt.take());
  EXPECT_FALSE(native.take());
  first.reset();
  const auto third = mqtt.take(), fourth = mqtt.take();
  EXPECT_TRUE(third);
  EXPECT_FALSE(fourth) << "what was refused has left nothing behind";
}

TEST(a_connection_quota, is_exact_whoever_asks_at_the_same_time) {
  constexpr std::size_t most = 1000, shards = 4;
  connection_quota mqtt(most);
  std::vector<std::vector<connection_place>> taken(shards);
  std::vector<std::thread> threads;
  for (auto& mine : taken) {
    threads.emplace_back([&mqtt, &mine] {
      while (auto place = mqtt.take()) mine.push_back(std::move(*place));
    });
  }
  for (auto& t : threads) t.join();
  std::size_t all = 0;
  for (const auto& mine : taken) all += mine.size();
  EXPECT_EQ(all, most);
}

}  // namespace
}  // namespace fleetgate::ingress
