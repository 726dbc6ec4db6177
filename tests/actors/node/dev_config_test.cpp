#include "actors/node/dev_config.hpp"

#include "actors/node/config_text.hpp"
#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

TEST(dev_config, everything_is_on_loopback_at_the_usual_ports) {
  const config c = dev_config({});
  ASSERT_EQ(c.listeners.size(), 1U);
  EXPECT_EQ(c.listeners[0].name, "mqtt");
  EXPECT_EQ(c.listeners[0].bind, (endpoint{"127.0.0.1", 1883}));
  EXPECT_EQ(c.admin.bind, (endpoint{"127.0.0.1", 9600}));
}

TEST(dev_config, rows_go_to_fleet_db_in_the_data_directory) {
  const config c = dev_config({"/d", 0, 0, std::nullopt});
  EXPECT_EQ(c.node.data_dir, "/d");
  ASSERT_EQ(c.sinks.size(), 1U);
  EXPECT_EQ(c.sinks[0].name, "fleet");
  EXPECT_EQ(c.sinks[0].path, "/d/fleet.db");
  EXPECT_TRUE(c.sinks[0].required);
  EXPECT_EQ(c.listeners[0].bind.port, 0);
  EXPECT_EQ(c.admin.bind.port, 0);
}

TEST(dev_config, a_native_listener_is_there_where_it_is_asked_for) {
  const config c = dev_config({"/d", 0, 0, 1884});
  ASSERT_EQ(c.listeners.size(), 2U);
  EXPECT_EQ(c.listeners[1].protocol, listener_protocol::native);
  EXPECT_EQ(c.listeners[1].bind, (endpoint{"127.0.0.1", 1884}));
  EXPECT_THAT(errors_of(to_toml(c)), testing::IsEmpty());
}

TEST(dev_config, it_would_pass_the_check_of_a_file) {
  EXPECT_THAT(errors_of(to_toml(dev_config({}))), testing::IsEmpty());
}

TEST(dev_config, topics_are_those_of_the_plain_preset) {
  const config c = dev_config({});
  EXPECT_EQ(c.topic_presets.presets, std::vector{topic_preset::plain});
  EXPECT_TRUE(c.topics.empty());
}

}  // namespace
}  // namespace fleetgate::node
