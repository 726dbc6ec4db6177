#include "actors/node/config_text.hpp"

#include <nlohmann/json.hpp>

#include "actors/node/config_capacity.hpp"
#include "actors/node/config_keys.hpp"
#include "actors/node/dev_config.hpp"
#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Nothing in it has its default.
config unusual() {
  return valid(R"(
[node]
name = "n"
site = "s"
data_dir = "/da \"ta\\ä"
shards = 3
[memory]
budget = "300MiB"
[spool]
budget = "8GiB"
segment_size = "32MiB"
quarantine_budget = "128MiB"
[dedup]
window_budget = "96MiB"
sessions = 7
[[listener]]
name = "a"
bind = "[::]:0"
allow_anonymous = true
max_connections = 5
connect_timeout = "1500ms"
max_packet_size = "256KiB"
receive_maximum = 9
topic_alias_maximum = 0
max_keep_alive = "10m"
session_expiry_max = "1d"
[[listener]]
name = "b"
[[sink]]
name = "fleet"
path = "/fleet.db"
retention = "0s"
retention_size = "0B"
[[topic]]
match = "a/{device}/{stream}"
class = "event"
ack = "committed"
format = "json"
schema = "/a.json"
sequence = "$.seq"
sequence_scope = "device"
epoch = "$.boot"
device_time = "$.ts"
[[topic]]
match = "b"
[topics]
preset = ["homie", "aws"]
[[device]]
match = "press-*"
priority = "high"
[admin]
bind = "0.0.0.0:9"
allow_anonymous = true
[shutdown]
drain_timeout = "0s"
disconnect_rate = 11
[log]
level = "trace"
format = "json"
)");
}

TEST(config_text, what_is_shown_can_be_loaded_again_and_means_the_same) {
  const std::string shown = to_toml(unusual());
  EXPECT_EQ(to_toml(valid(shown)), shown);
  EXPECT_THAT(shown, HasSubstr("data_dir = \"/da \\\"ta\\\\ä\"\n"));
  EXPECT_THAT(shown, HasSubstr("[[listener]]\nname = \"b\"\n"));
}

TEST(config_text, every_key_that_has_a_value_is_shown) {
  const std::string shown = to_toml(unusual());
  for_each_table([&](const auto& table, auto) {
    for (const auto& key : table.keys) {
      EXPECT_THAT(shown, HasSubstr("\n" + std::string(key.name) + " = ")) << table.name;
    }
  });
}

TEST(config_text, json_has_the_same_values) {
  const auto json = nlohmann::json::parse(to_json(unusual()));
  EXPECT_EQ(json["node"]["data_dir"], "/da \"ta\\ä");
  EXPECT_EQ(json["node"]["shards"], 3);
  EXPECT_EQ(json["memory"]["budget"], "300MiB");
  ASSERT_EQ(json["listener"].size(), 2U);
  EXPECT_EQ(json["listener"][0]["allow_anonymous"], true);
  EXPECT_EQ(json["listener"][1]["name"], "b");
  EXPECT_EQ(json["topic"][0]["sequence"], "$.seq");
  EXPECT_FALSE(json["topic"][1].contains("sequence"));
  EXPECT_EQ(json["topics"]["preset"], nlohmann::json::array({"homie", "aws"}));
  EXPECT_EQ(nlohmann::json::parse(to_json(config{}))["sink"], nlohmann::json::array());
}

TEST(config_text, init_writes_a_configuration_that_is_right) {
  const config c = valid(init_text());
  ASSERT_EQ(c.listeners.size(), 1U);
  EXPECT_TRUE(is_loopback(c.listeners[0].bind));
  ASSERT_EQ(c.sinks.size(), 1U);
  EXPECT_TRUE(c.sinks[0].required);
  EXPECT_TRUE(c.topics.empty());
  EXPECT_EQ(c.topic_presets.presets, std::vector{topic_preset::plain});
  EXPECT_TRUE(c.devices.empty());
}

TEST(config_text, init_explains_every_key) {
  const std::string text = init_text();
  for_each_table([&](const auto& table, auto) {
    const std::size_t at = text.find("[" + std::string(table.name) + "]");
    ASSERT_NE(at, std::string::npos) << table.name;
    for (const auto& key : table.keys) {
      const std::string about = "# " + std::string(key.about) + "\n";
      const std::size_t explained = text.find(about, at);
      ASSERT_NE(explained, std::string::npos) << table.name << "." << key.name;
      const std::string line = text.substr(explained + about.size(), key.name.size() + 4);
      EXPECT_THAT(line, HasSubstr(std::string(key.name) + " =")) << table.name;
    }
  });
}

/// What is in a comment is right when the comment goes.
TEST(config_text, init_says_the_defaults_it_does_not_set) {
  std::string text = init_text();
  for (std::size_t at = 0; (at = text.find("\n#", at)) != std::string::npos; ++at) {
    if (text[at + 2] != ' ') text.erase(at + 1, 1);
  }
  const config c = valid(text);
  EXPECT_EQ(c.memory.budget, config{}.memory.budget);
  EXPECT_EQ(c.devices.size(), 1U);
  EXPECT_EQ(c.topics.size(), 1U);
}

TEST(config_capacity, budgets_are_told_in_messages_and_seconds) {
  config c;
  c.memory.budget = 256 * mib;
  c.spool.budget = 4 * gib;
  const config_capacity held = capacity_of(c);
  // A message is more than its payload, and less than four times of it.
  EXPECT_LT(held.memory_messages, c.memory.budget / 256);
  EXPECT_GT(held.memory_messages, c.memory.budget / 1024 / 2);
  EXPECT_LT(held.spool_messages, c.spool.budget / 256);
  EXPECT_EQ(held.spool_seconds, held.spool_messages / 10'000);
  config twice = c;
  twice.memory.budget *= 2;
  EXPECT_NEAR(static_cast<double>(capacity_of(twice).memory_messages),
              2.0 * static_cast<double>(held.memory_messages), 4.0);
}

TEST(config_capacity, the_summary_says_who_may_reach_what) {
  const std::string text = summary(dev_config({}));
  EXPECT_THAT(text, HasSubstr("mqtt: mqtt on 127.0.0.1:1883 (this machine only)"));
  EXPECT_THAT(text, HasSubstr("fleet: sqlite in ./fleetgate-data/fleet.db"));
  EXPECT_THAT(text, HasSubstr("7 topic rules, 0 device rules"));
  EXPECT_THAT(summary(config{}), HasSubstr("none: messages stay in the spool"));
}

}  // namespace
}  // namespace fleetgate::node
