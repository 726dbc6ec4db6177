#include "actors/node/dev_config.hpp"

#include <set>

#include "actors/node/config_text.hpp"
#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using model::traffic_class;

TEST(dev_config, everything_is_on_loopback_at_the_usual_ports) {
  const config c = dev_config({});
  ASSERT_EQ(c.listeners.size(), 1U);
  EXPECT_EQ(c.listeners[0].name, "mqtt");
  EXPECT_EQ(c.listeners[0].bind, (endpoint{"127.0.0.1", 1883}));
  EXPECT_EQ(c.admin.bind, (endpoint{"127.0.0.1", 9600}));
}

TEST(dev_config, rows_go_to_fleet_db_in_the_data_directory) {
  const config c = dev_config({"/d", 0, 0});
  EXPECT_EQ(c.node.data_dir, "/d");
  ASSERT_EQ(c.sinks.size(), 1U);
  EXPECT_EQ(c.sinks[0].name, "fleet");
  EXPECT_EQ(c.sinks[0].path, "/d/fleet.db");
  EXPECT_TRUE(c.sinks[0].required);
  EXPECT_EQ(c.listeners[0].bind.port, 0);
  EXPECT_EQ(c.admin.bind.port, 0);
}

TEST(dev_config, it_would_pass_the_check_of_a_file) {
  EXPECT_THAT(errors_of(to_toml(dev_config({}))), testing::IsEmpty());
}

model::topic_rules rules() {
  std::vector<model::topic_rule_spec> specs;
  for (const topic_config& t : plain_topics()) specs.push_back(rule_spec(t));
  return model::topic_rules::compile(specs).value();
}

TEST(dev_config, the_plain_preset_sorts_topics_into_classes) {
  const auto made = rules();
  const auto cls = [&](std::string_view topic) { return made.match(topic).rule->cls; };
  EXPECT_EQ(cls("devices/d1/control/valve/open"), traffic_class::control);
  EXPECT_EQ(cls("devices/d1/status"), traffic_class::heartbeat);
  EXPECT_EQ(cls("devices/d1/heartbeat"), traffic_class::heartbeat);
  EXPECT_EQ(cls("devices/d1/events"), traffic_class::event);
  EXPECT_EQ(cls("devices/d1/events/door"), traffic_class::event);
  EXPECT_EQ(cls("devices/d1/telemetry"), traffic_class::telemetry);
  EXPECT_EQ(cls("devices/d1/a/b/c"), traffic_class::telemetry);
  EXPECT_EQ(cls("anything/else"), traffic_class::telemetry);
}

TEST(dev_config, the_plain_preset_finds_the_device) {
  const auto made = rules();
  EXPECT_EQ(made.match("devices/d1/control/valve").device, "d1");
  EXPECT_EQ(made.match("devices/d1/telemetry").device, "d1");
  EXPECT_EQ(made.match("devices/d1/a/b/c").device, "d1");
  EXPECT_EQ(made.match("anything/else").device, "");
}

TEST(dev_config, the_plain_preset_reads_nothing_from_payloads) {
  for (const topic_config& t : plain_topics()) {
    EXPECT_EQ(t.sequence + t.epoch + t.device_time + t.schema, "") << t.match;
  }
}

TEST(dev_config, equal_sequences_on_two_topics_are_never_one_message) {
  const auto made = rules();
  const std::vector<std::string_view> topics{"devices/d1/status",    "devices/d1/heartbeat",
                                             "devices/d1/events/a",  "devices/d1/events/b",
                                             "devices/d1/telemetry", "devices/d1/control/x"};
  std::set<std::string_view> streams;
  for (const auto topic : topics) streams.insert(made.match(topic).stream);
  EXPECT_EQ(streams.size(), topics.size());
}

}  // namespace
}  // namespace fleetgate::node
