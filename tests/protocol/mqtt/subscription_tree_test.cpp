#include "protocol/mqtt/subscription_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "protocol/mqtt/topic.hpp"

namespace fleetgate::mqtt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::uint32_t> reached(const subscription_tree& tree, std::string_view topic) {
  std::vector<std::uint32_t> who;
  tree.match(topic, [&](const granted_subscription& s) { who.push_back(s.subscriber); });
  return who;
}

granted_subscription of(std::uint32_t subscriber, std::uint8_t qos = 0) {
  granted_subscription s;
  s.subscriber = subscriber;
  s.qos = qos;
  return s;
}

struct match_case {
  std::string_view filter, topic;
  bool matches;
};

// MQTT 5.0 sections 4.7.1 and 4.7.2, with the examples they give.
constexpr match_case match_cases[] = {
    {"sport/tennis/player1/#", "sport/tennis/player1", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
    {"sport/#", "sport", true},
    {"#", "sport/tennis", true},
    {"#", "/", true},
    {"sport/tennis/+", "sport/tennis/player1", true},
    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
    {"sport/+", "sport", false},
    {"sport/+", "sport/", true},
    {"+/+", "/finance", true},
    {"/+", "/finance", true},
    {"+", "/finance", false},
    {"#", "$SYS/monitor", false},
    {"+/monitor", "$SYS/monitor", false},
    {"$SYS/#", "$SYS/monitor", true},
    {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
    {"+/#", "$SYS", false},
    {"a/#", "a/$x", true},
    {"a/+", "a/$x", true},
    {"+/tennis/#", "sport/tennis", true},
    {"ACCOUNTS", "Accounts", false},
    {"a//b", "a//b", true},
    {"a/+/b", "a//b", true},
    {"a/b", "a/b/", false},
};

TEST(subscription_tree, matches_as_the_specification_says) {
  for (const auto& c : match_cases) {
    subscription_tree tree;
    tree.put(c.filter, of(1));
    EXPECT_EQ(reached(tree, c.topic).size(), c.matches ? 1u : 0u) << c.filter << " " << c.topic;
    EXPECT_EQ(filter_matches(c.filter, c.topic), c.matches) << c.filter << " " << c.topic;
  }
}

TEST(subscription_tree, overlapping_filters_are_each_visited) {
  subscription_tree tree;
  tree.put("a/#", of(1));
  tree.put("a/+", of(1));
  tree.put("a/b", of(2));
  tree.put("a/c", of(3));
  EXPECT_THAT(reached(tree, "a/b"), UnorderedElementsAre(1, 1, 2));
}

TEST(subscription_tree, same_filter_again_replaces_the_options) {
  subscription_tree tree;
  EXPECT_TRUE(tree.put("a", of(1, 0)));
  EXPECT_FALSE(tree.put("a", of(1, 2)));
  EXPECT_EQ(tree.size(), 1u);
  tree.match("a", [](const granted_subscription& s) { EXPECT_EQ(s.qos, 2); });
}

TEST(subscription_tree, what_was_removed_is_gone_and_leaves_the_others) {
  subscription_tree tree;
  tree.put("a/b/c", of(1));
  tree.put("a/b", of(1));
  tree.put("a/b/c", of(2));
  EXPECT_FALSE(tree.remove("a", 1));
  EXPECT_FALSE(tree.remove("a/b/c", 3));
  EXPECT_TRUE(tree.remove("a/b/c", 1));
  EXPECT_FALSE(tree.remove("a/b/c", 1));
  EXPECT_THAT(reached(tree, "a/b/c"), ElementsAre(2));
  EXPECT_THAT(reached(tree, "a/b"), ElementsAre(1));
  EXPECT_TRUE(tree.remove("a/b/c", 2));
  EXPECT_THAT(reached(tree, "a/b/c"), IsEmpty());
  EXPECT_THAT(reached(tree, "a/b"), ElementsAre(1));
}

/// The tree and the single look are written apart: they must agree.
TEST(subscription_tree, agrees_with_a_look_at_each_filter) {
  std::mt19937 random(20251126);
  const auto text = [&](bool is_filter) {
    const std::string_view levels[] = {"a", "b", "", "$c", "+"};
    std::string s;
    for (unsigned i = 0, n = 1 + random() % 4; i < n; ++i) {
      if (i != 0) s.push_back('/');
      s += levels[random() % (is_filter ? 5 : 4)];
    }
    if (is_filter && random() % 3 == 0) s += "/#";
    return s;
  };
  for (int round = 0; round < 300; ++round) {
    subscription_tree tree;
    std::vector<std::string> filters;
    for (std::uint32_t i = 0; i < 20; ++i) {
      filters.push_back(text(true));
      if (!is_topic_filter(filters.back(), false)) continue;
      tree.put(filters.back(), of(i));
    }
    const auto topic = text(false);
    if (!is_topic_name(topic)) continue;
    std::set<std::uint32_t> expected;
    for (std::uint32_t i = 0; i < filters.size(); ++i) {
      const bool valid = is_topic_filter(filters[i], false);
      if (valid && filter_matches(filters[i], topic)) expected.insert(i);
    }
    const auto who = reached(tree, topic);
    EXPECT_EQ(std::set<std::uint32_t>(who.begin(), who.end()), expected) << topic;
  }
}

TEST(level_count, counts_what_slashes_part) {
  EXPECT_EQ(level_count("a"), 1u);
  EXPECT_EQ(level_count("/"), 2u);
  EXPECT_EQ(level_count("a/b/#"), 3u);
}

}  // namespace
}  // namespace fleetgate::mqtt
