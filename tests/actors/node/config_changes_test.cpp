#include "actors/node/config_changes.hpp"

#include "actors/node/config_keys.hpp"
#include "actors/node/config_text.hpp"
#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using contract::change_effect;
using contract::config_change;
using testing::ElementsAre;
using testing::IsEmpty;

/// "log.level: info -> debug (applied)".
std::vector<std::string> lines(const std::vector<config_change>& changes) {
  std::vector<std::string> out;
  for (const config_change& c : changes) {
    out.push_back(c.key + ": " + c.was.value_or("none") + " -> " + c.now.value_or("none") + " (" +
                  std::string(to_string(c.effect)) + ")");
  }
  return out;
}

std::vector<std::string> between(const std::string& before, const std::string& after) {
  return lines(
      changes_between(valid(with_listener("") + before), valid(with_listener("") + after)));
}

TEST(config_changes, the_same_configuration_has_none_however_it_is_written) {
  EXPECT_THAT(between("[log]\nlevel = \"info\"\n[memory]\nbudget = \"256MiB\"\n", ""), IsEmpty());
  EXPECT_THAT(between("[node]\ndata_dir = \"/a/b\"\n", "[node]\ndata_dir = \"/a/./b/\"\n"),
              IsEmpty());
}

TEST(config_changes, each_key_is_named_with_both_values_and_its_effect) {
  EXPECT_THAT(between("", R"(
[node]
shards = 4
[memory]
budget = "1GiB"
[shutdown]
drain_timeout = "1m"
disconnect_rate = 7
[log]
level = "debug"
format = "json"
[topics]
preset = ["plain"]
)"),
              ElementsAre("node.shards: 0 -> 4 (needs_restart)",
                          "memory.budget: 256MiB -> 1GiB (needs_restart)",
                          "topics.preset: none -> [\"plain\"] (needs_restart)",
                          "shutdown.drain_timeout: 30s -> 1m (applied)",
                          "shutdown.disconnect_rate: 2000 -> 7 (applied)",
                          "log.level: info -> debug (applied)",
                          "log.format: auto -> json (needs_restart)"));
}

TEST(config_changes, entries_of_a_list_are_known_by_name_and_not_by_place) {
  const std::string one = "[[sink]]\nname = \"one\"\npath = \"/d/one.db\"\n";
  const std::string two = "[[sink]]\nname = \"two\"\npath = \"/d/two.db\"\n";
  EXPECT_THAT(between(one + two, two + one), IsEmpty());
  EXPECT_THAT(between(two, one + two + "required = false\n"),
              ElementsAre("sink[two].required: true -> false (needs_restart)",
                          "sink[one]: none -> {name = \"one\", path = \"/d/one.db\"} "
                          "(needs_restart)"));
  EXPECT_THAT(between(one + two, two),
              ElementsAre("sink[one]: {name = \"one\", path = \"/d/one.db\"} -> none "
                          "(needs_restart)"));
}

TEST(config_changes, a_listener_is_named_and_its_keys_need_a_restart) {
  EXPECT_THAT(lines(changes_between(valid(with_listener("")),
                                    valid(with_listener("bind = \"127.0.0.1:1884\"\n")))),
              ElementsAre("listener[mqtt].bind: 127.0.0.1:1883 -> 127.0.0.1:1884 "
                          "(needs_restart)"));
}

std::string device(const std::string& match, const std::string& priority) {
  return "[[device]]\nmatch = \"" + match + "\"\npriority = \"" + priority + "\"\n";
}

TEST(config_changes, devices_come_go_and_change_places_live) {
  const std::string a = device("a*", "low"), b = device("b*", "high"), c = device("c*", "low");
  EXPECT_THAT(between(a, b), ElementsAre("device[a*]: {match = \"a*\", priority = \"low\"} -> "
                                         "none (applied)",
                                         "device[b*]: none -> {match = \"b*\", priority = "
                                         "\"high\"} (applied)"));
  EXPECT_THAT(between(a, device("a*", "high")),
              ElementsAre("device[a*].priority: low -> high (applied)"));
  EXPECT_THAT(between(a + b + c, a + c + b),
              ElementsAre("device: b* before c* -> c* before b* (applied)"));
  EXPECT_THAT(between(b + c, c), ElementsAre(testing::StartsWith("device[b*]: ")));
}

TEST(config_changes, the_order_of_topics_counts_and_needs_a_restart) {
  const std::string a = "[[topic]]\nmatch = \"a/#\"\n", b = "[[topic]]\nmatch = \"b/#\"\n";
  EXPECT_THAT(between(a + b, b + a),
              ElementsAre("topic: a/# before b/# -> b/# before a/# (needs_restart)"));
}

TEST(config_changes, a_schema_that_was_rewritten_is_a_change_though_its_path_is_the_same) {
  const temporary_directory dir;
  dir.write("s.json", R"({"type": "object"})");
  const auto file =
      dir.write("f.toml", with_listener("[[topic]]\nmatch = \"a/#\"\nschema = \"s.json\"\n"));
  const auto before = load_config(file, {});
  EXPECT_THAT(changes_between(*before, *load_config(file, {})), IsEmpty());
  dir.write("s.json", R"({"type": "array"})");
  const std::string path = dir / "s.json";
  EXPECT_THAT(lines(changes_between(*before, *load_config(file, {}))),
              ElementsAre("topic[a/#].schema: " + path + " as it was -> " + path +
                          " as it is now (needs_restart)"));
}

TEST(config_changes, what_is_live_is_taken_over_and_nothing_else) {
  const config running = valid(with_listener("") + device("old*", "low"));
  config wanted = valid(with_listener("max_connections = 5\n") + device("new*", "high") + R"(
[node]
name = "other"
[shutdown]
drain_timeout = "1m"
disconnect_rate = 7
[log]
level = "debug"
format = "json"
)");
  const config now = with_live_keys(running, wanted);
  EXPECT_EQ(now.log.level, log_level::debug);
  EXPECT_EQ(now.log.format, log_format::automatic);
  EXPECT_EQ(now.shutdown.drain_timeout, std::chrono::minutes(1));
  EXPECT_EQ(now.shutdown.disconnect_rate, 7u);
  ASSERT_EQ(now.devices.size(), 1u);
  EXPECT_EQ(now.devices[0].match, "new*");
  EXPECT_EQ(now.node.name, "node-1");
  EXPECT_EQ(now.listeners[0].max_connections, running.listeners[0].max_connections);
}

TEST(config_changes, after_taking_over_only_what_needs_a_restart_is_left) {
  const config running = valid(with_listener("") + device("a*", "low"));
  const config wanted =
      valid(with_listener("") + device("b*", "low") + device("a*", "high") +
            "[log]\nlevel = \"error\"\nformat = \"json\"\n[shutdown]\ndisconnect_rate = 1\n");
  const config now = with_live_keys(running, wanted);
  EXPECT_THAT(lines(changes_between(now, wanted)),
              ElementsAre("log.format: auto -> json (needs_restart)"));
  EXPECT_THAT(changes_between(wanted, with_live_keys(wanted, wanted)), IsEmpty());
}

/// What node_reload.cpp applies. A key that is live in the table and not here would be called
/// applied and be nothing of the kind.
TEST(config_changes, these_keys_are_live_and_the_reference_lists_them) {
  std::vector<std::string> live;
  for_each_table([&](const auto& table, auto) {
    for (const auto& key : table.keys) {
      if (key.live) live.push_back(std::string(table.name) + "." + std::string(key.name));
    }
  });
  EXPECT_THAT(live, ElementsAre("device.match", "device.priority", "shutdown.drain_timeout",
                                "shutdown.disconnect_rate", "log.level"));
  const std::filesystem::path here(__FILE__);
  const auto root = here.parent_path().parent_path().parent_path().parent_path();
  const std::string page = contents((root / "docs/reference/config.md").string());
  const std::size_t from = page.find("\n## Reload\n");
  ASSERT_NE(from, std::string::npos);
  const std::string section = page.substr(from, page.find("\n## ", from + 1) - from);
  for (const std::string& key : live) {
    EXPECT_THAT(section, testing::HasSubstr("`" + key.substr(key.find('.') + 1) + "`")) << key;
  }
}

}  // namespace
}  // namespace fleetgate::node
