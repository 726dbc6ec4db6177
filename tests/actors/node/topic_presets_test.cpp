#include "actors/node/topic_presets.hpp"

#include <set>

#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using model::traffic_class;

model::topic_rules compiled(const std::vector<topic_config>& topics) {
  std::vector<model::topic_rule_spec> specs;
  for (const topic_config& t : topics) specs.push_back(rule_spec(t));
  return model::topic_rules::compile(specs).value();
}

const std::vector<topic_preset> every_preset{topic_preset::plain, topic_preset::homie,
                                             topic_preset::sparkplug, topic_preset::azure,
                                             topic_preset::aws};

/// What a topic means with all presets in force together: none may stand in another's way.
struct meaning {
  traffic_class cls;
  std::string tenant, device, stream;
  bool operator==(const meaning&) const = default;
};

meaning of(std::string_view topic) {
  static const model::topic_rules made = compiled(preset_topics(every_preset));
  const auto m = made.match(topic);
  return {m.rule->cls, std::string(m.tenant), std::string(m.device), std::string(m.stream)};
}

constexpr auto control = traffic_class::control;
constexpr auto heartbeat = traffic_class::heartbeat;
constexpr auto event = traffic_class::event;
constexpr auto telemetry = traffic_class::telemetry;

/// `topic` with the whole topic as stream.
void expect(std::string_view topic, traffic_class cls, std::string tenant, std::string device) {
  EXPECT_EQ(of(topic), (meaning{cls, std::move(tenant), std::move(device), std::string(topic)}))
      << topic;
}

TEST(topic_presets, aws_names_application_thing_and_type) {
  EXPECT_EQ(of("dt/acme/hall-1/press-1/temp"), (meaning{telemetry, "acme", "press-1", "temp"}));
  EXPECT_EQ(of("cmd/acme/hall-1/press-1/res"), (meaning{control, "acme", "press-1", "res"}));
}

TEST(topic_presets, aws_leaves_the_thing_to_the_client_id_where_the_context_has_more_levels) {
  expect("dt/acme/site/hall/press-1/temp", telemetry, "acme", "");
  expect("cmd/acme/press-1", control, "acme", "");
}

TEST(topic_presets, aws_shadows_are_events_and_jobs_are_control) {
  expect("$aws/things/press-1/shadow/update", event, "", "press-1");
  expect("$aws/things/press-1/shadow/name/net/update", event, "", "press-1");
  expect("$aws/things/press-1/jobs/j1/update", control, "", "press-1");
  expect("$aws/rules/store/dt/x", telemetry, "", "");
}

TEST(topic_presets, azure_properties_are_no_part_of_the_stream) {
  const meaning events{telemetry, "", "press-1", ""};
  EXPECT_EQ(of("devices/press-1/messages/events/"), events);
  EXPECT_EQ(of("devices/press-1/messages/events/$.mid=7&kind=a"), events);
  EXPECT_EQ(of("devices/press-1/modules/vision/messages/events/"),
            (meaning{telemetry, "", "press-1", "vision"}));
}

TEST(topic_presets, azure_twins_are_events_and_method_answers_control) {
  expect("$iothub/twin/PATCH/properties/reported/?$rid=1", event, "", "");
  expect("$iothub/methods/res/200/?$rid=1", control, "", "");
}

TEST(topic_presets, sparkplug_sorts_births_data_and_commands) {
  expect("spBv1.0/acme/NBIRTH/edge-1", event, "acme", "edge-1");
  expect("spBv1.0/acme/NDEATH/edge-1", event, "acme", "edge-1");
  expect("spBv1.0/acme/NDATA/edge-1", telemetry, "acme", "edge-1");
  expect("spBv1.0/acme/NCMD/edge-1", control, "acme", "edge-1");
  expect("spBv1.0/acme/DBIRTH/edge-1/pump-3", event, "acme", "pump-3");
  expect("spBv1.0/acme/DDEATH/edge-1/pump-3", event, "acme", "pump-3");
  expect("spBv1.0/acme/DDATA/edge-1/pump-3", telemetry, "acme", "pump-3");
  expect("spBv1.0/acme/DCMD/edge-1/pump-3", control, "acme", "pump-3");
  expect("spBv1.0/STATE/scada-1", heartbeat, "", "scada-1");
}

TEST(topic_presets, sparkplug_payloads_are_not_decoded) {
  const auto made = compiled(preset_topics({topic_preset::sparkplug}));
  EXPECT_EQ(made.match("spBv1.0/g/DDATA/n/d").rule->format, model::payload_format::raw);
  EXPECT_EQ(made.match("spBv1.0/STATE/h").rule->format, model::payload_format::automatic);
}

TEST(topic_presets, homie_state_is_a_heartbeat_and_set_is_control) {
  expect("homie/5/lamp-1/$state", heartbeat, "", "lamp-1");
  expect("homie/5/lamp-1/$description", event, "", "lamp-1");
  expect("homie/5/lamp-1/$alert/hot", event, "", "lamp-1");
  expect("homie/5/lamp-1/light/power", telemetry, "", "lamp-1");
  expect("homie/5/lamp-1/light/power/$target", telemetry, "", "lamp-1");
  expect("homie/5/lamp-1/light/power/set", control, "", "lamp-1");
  expect("homie/5/$broadcast/alert", control, "", "");
}

TEST(topic_presets, plain_sorts_topics_into_classes) {
  expect("devices/d1/control/valve/open", control, "", "d1");
  expect("devices/d1/status", heartbeat, "", "d1");
  expect("devices/d1/heartbeat", heartbeat, "", "d1");
  expect("devices/d1/events", event, "", "d1");
  expect("devices/d1/events/door", event, "", "d1");
  EXPECT_EQ(of("devices/d1/telemetry"), (meaning{telemetry, "", "d1", "telemetry"}));
  expect("devices/d1/a/b/c", telemetry, "", "d1");
}

TEST(topic_presets, what_no_preset_knows_is_telemetry_of_the_client) {
  expect("anything/else", telemetry, "", "");
}

TEST(topic_presets, nothing_is_read_from_payloads) {
  for (const topic_config& t : preset_topics(every_preset)) {
    EXPECT_EQ(t.sequence + t.epoch + t.device_time + t.schema, "") << t.match;
  }
}

TEST(topic_presets, equal_sequences_on_two_topics_are_never_one_message) {
  const std::vector<std::string_view> topics{"devices/d1/status",    "devices/d1/heartbeat",
                                             "devices/d1/events/a",  "devices/d1/events/b",
                                             "devices/d1/telemetry", "devices/d1/control/x"};
  std::set<std::string> streams;
  for (const auto topic : topics) streams.insert(of(topic).stream);
  EXPECT_EQ(streams.size(), topics.size());
}

TEST(topic_presets, the_order_and_repetition_of_presets_do_not_matter) {
  const auto once = preset_topics({topic_preset::plain, topic_preset::azure});
  const auto twice = preset_topics({topic_preset::azure, topic_preset::plain, topic_preset::azure});
  EXPECT_EQ(compiled(once).version(), compiled(twice).version());
}

TEST(topic_presets, none_adds_no_rule) {
  EXPECT_TRUE(preset_topics({}).empty());
}

TEST(topic_presets, the_users_own_rules_come_first) {
  const config c = valid(with_listener(
      "[topics]\npreset = \"plain\"\n[[topic]]\nmatch = \"devices/{device}/telemetry\"\n"
      "class = \"event\"\n"));
  const auto made = compiled(topics_in_force(c));
  EXPECT_EQ(made.match("devices/d1/telemetry").rule->cls, event);
  EXPECT_EQ(made.match("devices/d1/heartbeat").rule->cls, heartbeat);
}

TEST(topic_presets, a_file_names_one_or_several) {
  const auto presets = [](const std::string& value) {
    return valid(with_listener("[topics]\npreset = " + value + "\n")).topic_presets.presets;
  };
  EXPECT_EQ(presets("\"aws\""), std::vector{topic_preset::aws});
  EXPECT_EQ(presets("[\"homie\", \"aws\"]"), (std::vector{topic_preset::homie, topic_preset::aws}));
}

TEST(topic_presets, an_unknown_name_is_told_what_was_meant) {
  EXPECT_THAT(errors_of(with_listener("[topics]\npreset = [\"sparkplugb\"]\n")),
              testing::ElementsAre(
                  testing::AllOf(testing::HasSubstr("one of aws, azure, sparkplug, homie or plain"),
                                 testing::EndsWith("write preset = \"sparkplug\""))));
}

TEST(topic_presets, own_rules_leave_room_for_those_of_presets) {
  std::string text = "[topics]\npreset = \"plain\"\n";
  for (std::size_t i = 0; i < model::topic_rules::max_rules; ++i) {
    text += "[[topic]]\nmatch = \"t/" + std::to_string(i) + "\"\n";
  }
  EXPECT_THAT(errors_of(with_listener(text)),
              testing::Contains(testing::HasSubstr("at most 4089 are allowed")));
}

}  // namespace
}  // namespace fleetgate::node
