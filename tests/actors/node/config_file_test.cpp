#include "actors/node/config_file.hpp"

#include "actors/node/config_depth.hpp"
#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(config_file, what_is_not_written_has_its_default) {
  const config c = valid(with_listener(""));
  EXPECT_EQ(c.memory.budget, 256 * mib);
  EXPECT_EQ(c.spool.budget, 4 * gib);
  EXPECT_EQ(c.node.data_dir, "/var/lib/fleetgate");
  EXPECT_EQ(c.admin.bind, (endpoint{"127.0.0.1", 9600}));
  ASSERT_EQ(c.listeners.size(), 1U);
  EXPECT_EQ(c.listeners[0].bind, (endpoint{"127.0.0.1", 1883}));
  EXPECT_TRUE(c.sinks.empty());
  EXPECT_TRUE(c.topics.empty());
}

TEST(config_file, every_key_reaches_its_field) {
  const config c = valid(R"(
[node]
name = "n"
site = "s"
data_dir = "/data"
shards = 3
[memory]
budget = "512MiB"
[spool]
budget = "8GiB"
segment_size = "32MiB"
quarantine_budget = "128MiB"
[dedup]
window_budget = "96MiB"
sessions = 7
[[listener]]
name = "plant"
protocol = "mqtt"
bind = "[::]:2883"
allow_anonymous = true
max_connections = 5
connect_timeout = "1500ms"
max_packet_size = "256KiB"
receive_maximum = 9
topic_alias_maximum = 0
max_keep_alive = "10m"
session_expiry_max = "1d"
[[sink]]
name = "fleet"
type = "sqlite"
path = "/data/fleet.db"
required = false
retention = "0s"
retention_size = "0B"
[[topic]]
match = "a/{device}/{stream}"
class = "event"
ack = "received"
format = "msgpack"
schema = "/schemas/a.json"
sequence = "$.seq"
sequence_scope = "device"
epoch = "$.boot"
device_time = "$.ts"
[[device]]
match = "press-*"
priority = "high"
[admin]
bind = "0.0.0.0:0"
allow_anonymous = true
[shutdown]
drain_timeout = "5s"
disconnect_rate = 11
[log]
level = "warn"
format = "logfmt"
)");
  EXPECT_EQ(c.node.name, "n");
  EXPECT_EQ(c.node.site, "s");
  EXPECT_EQ(c.node.data_dir, "/data");
  EXPECT_EQ(c.node.shards, 3U);
  EXPECT_EQ(c.memory.budget, 512 * mib);
  EXPECT_EQ(c.spool.budget, 8 * gib);
  EXPECT_EQ(c.spool.segment_size, 32 * mib);
  EXPECT_EQ(c.spool.quarantine_budget, 128 * mib);
  EXPECT_EQ(c.dedup.window_budget, 96 * mib);
  EXPECT_EQ(c.dedup.sessions, 7U);
  const listener_config& l = c.listeners.at(0);
  EXPECT_EQ(l.name, "plant");
  EXPECT_EQ(l.bind, (endpoint{"::", 2883}));
  EXPECT_TRUE(l.allow_anonymous);
  EXPECT_EQ(l.max_connections, 5U);
  EXPECT_EQ(l.connect_timeout, 1500ms);
  EXPECT_EQ(l.max_packet_size, 256 * kib);
  EXPECT_EQ(l.receive_maximum, 9);
  EXPECT_EQ(l.topic_alias_maximum, 0);
  EXPECT_EQ(l.max_keep_alive, 10min);
  EXPECT_EQ(l.session_expiry_max, 24h);
  const sink_config& s = c.sinks.at(0);
  EXPECT_EQ(s.name, "fleet");
  EXPECT_EQ(s.path, "/data/fleet.db");
  EXPECT_FALSE(s.required);
  EXPECT_EQ(s.retention, 0s);
  EXPECT_EQ(s.retention_size, 0U);
  const topic_config& t = c.topics.at(0);
  EXPECT_EQ(t.match, "a/{device}/{stream}");
  EXPECT_EQ(t.cls, model::traffic_class::event);
  EXPECT_EQ(t.ack, model::ack_level::received);
  EXPECT_EQ(t.format, model::payload_format::msgpack);
  EXPECT_EQ(t.schema, "/schemas/a.json");
  EXPECT_EQ(t.sequence, "$.seq");
  EXPECT_EQ(t.scope, model::sequence_scope::device);
  EXPECT_EQ(t.epoch, "$.boot");
  EXPECT_EQ(t.device_time, "$.ts");
  EXPECT_EQ(c.devices.at(0).match, "press-*");
  EXPECT_EQ(c.devices.at(0).priority, device_priority::high);
  EXPECT_EQ(c.admin.bind, (endpoint{"0.0.0.0", 0}));
  EXPECT_TRUE(c.admin.allow_anonymous);
  EXPECT_EQ(c.shutdown.drain_timeout, 5s);
  EXPECT_EQ(c.shutdown.disconnect_rate, 11U);
  EXPECT_EQ(c.log.level, log_level::warn);
  EXPECT_EQ(c.log.format, log_format::logfmt);
}

TEST(config_file, a_table_of_a_list_knows_where_it_was_written) {
  const config c = valid(with_listener("\n[[topic]]\nmatch = \"a\"\n[[topic]]\nmatch = \"b\"\n"));
  EXPECT_EQ(c.listeners[0].origin.file, "f.toml");
  EXPECT_EQ(c.listeners[0].origin.line, 1U);
  EXPECT_EQ(c.topics[1].origin.line, 6U);
}

TEST(config_file, an_error_names_file_line_column_and_what_to_write) {
  EXPECT_THAT(errors_of(with_listener("[memory]\nbudget = 268435456\n")),
              ElementsAre("f.toml:4:10: budget: found the integer 268435456, expected a size with "
                          "a unit (B, KiB, MiB, GiB or TiB); write budget = \"256MiB\""));
}

TEST(config_file, a_misspelt_key_is_an_error_that_names_the_right_one) {
  EXPECT_THAT(errors_of(with_listener("[spool]\nsegmentsize = \"1MiB\"\n")),
              ElementsAre("f.toml:4:1: unknown key \"segmentsize\" in [spool]; did you mean "
                          "\"segment_size\"?"));
}

TEST(config_file, a_key_in_the_wrong_table_is_sent_to_the_right_one) {
  EXPECT_THAT(errors_of(with_listener("[memory]\ndata_dir = \"/d\"\n")),
              ElementsAre(EndsWith("unknown key \"data_dir\" in [memory]; it belongs in [node]")));
  EXPECT_THAT(errors_of("data_dir = \"/d\"\n" + with_listener("")),
              ElementsAre("f.toml:1:1: the key \"data_dir\" stands outside any table; it belongs "
                          "in [node]"));
}

TEST(config_file, a_key_is_not_printed_whole_however_long_it_is) {
  const std::string key = std::string(99, 'k') + "\u00FC" + std::string(100'000, 'k');
  EXPECT_THAT(errors_of(with_listener("[log]\n\"" + key + "\" = 1\n")),
              ElementsAre(HasSubstr("unknown key \"" + std::string(99, 'k') + "...\" in [log]")));
}

TEST(config_file, a_key_that_resembles_none_is_answered_with_all_there_are) {
  EXPECT_THAT(
      errors_of(with_listener("[log]\nzzzzzzzz = 1\n")),
      ElementsAre(EndsWith("unknown key \"zzzzzzzz\" in [log]; [log] knows level or format")));
}

TEST(config_file, a_misspelt_table_is_an_error_that_names_the_right_one) {
  EXPECT_THAT(errors_of(with_listener("[[sinks]]\n[nod]\n")),
              ElementsAre("f.toml:3:1: unknown table [[sinks]]; did you mean [[sink]]?",
                          "f.toml:4:1: unknown table [nod]; did you mean [node]?"));
}

TEST(config_file, a_list_and_a_single_table_are_not_confused) {
  EXPECT_THAT(errors_of("[listener]\nname = \"a\"\n"),
              testing::Contains(AllOf(StartsWith("f.toml:1:1: [[listener]] is a list"),
                                      EndsWith("write [[listener]]"))));
  EXPECT_THAT(errors_of(with_listener("[[node]]\n")),
              ElementsAre(AllOf(HasSubstr("only one"), EndsWith("write [node]"))));
  EXPECT_THAT(
      errors_of("memory = 5\n" + with_listener("")),
      ElementsAre(AllOf(StartsWith("f.toml:1:1: memory is a table"), HasSubstr("write [memory]"))));
  EXPECT_THAT(errors_of("sink = [1, 2]\n" + with_listener("")),
              ElementsAre(HasSubstr("write [[sink]]")));
}

TEST(config_file, what_must_be_there_is_asked_for) {
  EXPECT_THAT(errors_of("[[listener]]\n[[sink]]\n[[topic]]\n[[device]]\n"),
              ElementsAre("f.toml:1:1: [[listener]] has no name; add name = \"plant\"",
                          "f.toml:2:1: [[sink]] has no name; add name = \"fleet\"",
                          "f.toml:2:1: [[sink]] has no path; add path = "
                          "\"/var/lib/fleetgate/fleet.db\"",
                          AllOf(StartsWith("f.toml:3:1: [[topic]] has no match"),
                                HasSubstr("devices/{device}/events")),
                          StartsWith("f.toml:4:1: [[device]] has no match")));
}

TEST(config_file, all_errors_come_at_once_in_the_order_of_lines) {
  const auto errors = errors_of(
      "[node]\nnam = \"x\"\nshards = \"4\"\n"
      "[log]\nlevel = \"loud\"\nformat = 2021-01-01\n"
      "[[listener]]\nname = \"a\"\nbind = \"localhost:1\"\nconnect_timeout = \"1ms\"\n"
      "[[listener]]\nname = \"a\"\nbind = \"0.0.0.0:2\"\n"
      "[[topic]]\nmatch = \"a/#/b\"\n");
  EXPECT_THAT(errors, ElementsAre(StartsWith("f.toml:2:1:"), StartsWith("f.toml:3:10:"),
                                  StartsWith("f.toml:5:9:"), StartsWith("f.toml:6:10:"),
                                  StartsWith("f.toml:9:8:"), StartsWith("f.toml:10:19:"),
                                  StartsWith("f.toml:12:8: name: the listener \"a\""),
                                  StartsWith("f.toml:13:8: bind: 0.0.0.0:2 can be reached"),
                                  StartsWith("f.toml:15:9: match:")));
}

TEST(config_file, text_that_is_not_toml_is_one_error_with_its_place) {
  const auto errors = errors_of("[node]\nname = \n");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0], StartsWith("f.toml:2:"));
  EXPECT_THAT(errors[0], HasSubstr("not valid TOML"));
}

TEST(config_file, hostile_text_is_an_error_and_never_reaches_the_terminal_raw) {
  const std::string hostile = std::string("[\"a\\u001b[2J\"]\nx = 1\n");
  for (const std::string& line : errors_of(with_listener(hostile))) {
    EXPECT_EQ(line.find('\x1B'), std::string::npos) << line;
  }
  EXPECT_FALSE(errors_of(std::string(10'000, '[')).empty());
  EXPECT_FALSE(errors_of(std::string("\xFF\xFE\x00\x01", 4)).empty());
  EXPECT_EQ(to_string(config_error{"a\nb", 1, 2, "m\x1B", ""}), "a?b:1:2: m?");
}

TEST(config_file, a_name_of_very_many_parts_is_refused_before_it_is_parsed) {
  std::string parts = "[node]\n[a";
  for (int i = 0; i < 200'000; ++i) parts += ".a";
  EXPECT_THAT(errors_of(parts + "]\n"),
              ElementsAre("f.toml:2:35: more than 16 dots in one line; names are as short as "
                          "memory.budget, and text stands in quotes; nothing was read"));
}

/// Values within values, each under a name of so many parts, about as deep as toml++ allows.
std::string nested_names(std::size_t parts) {
  std::string name = "a", text = "x = ", ends;
  for (std::size_t i = 1; i < parts; ++i) name += ".a";
  for (int i = 0; i < 120; ++i) {
    text += "{" + name + " = [\n";
    ends += "]}";
  }
  return text + "1" + ends + "\n";
}

TEST(config_file, long_names_in_nested_values_do_not_add_up_to_a_crash) {
  EXPECT_THAT(errors_of(nested_names(2000)), ElementsAre(StartsWith("f.toml:1:39: more than")));
  EXPECT_THAT(errors_of(nested_names(most_dots_in_line + 1) + with_listener("")),
              ElementsAre(HasSubstr("unknown table [x]")));
}

TEST(config_file, a_long_line_of_text_is_not_a_long_name) {
  EXPECT_THAT(errors_of("# " + std::string(10'000, '.') + "\n" + with_listener("")), IsEmpty());
}

TEST(config_file, relative_paths_start_at_the_directory_of_the_file) {
  const auto r = parse_config(
      with_listener("[node]\ndata_dir = \"data/\"\n[[sink]]\nname = \"s\"\npath = \"../fleet.db\"\n"
                    "[[topic]]\nmatch = \"a\"\nschema = \"/abs/a.json\"\n"),
      "/etc/fleetgate/f.toml");
  ASSERT_TRUE(r) << lines_of(r)[0];
  EXPECT_EQ(r->node.data_dir, "/etc/fleetgate/data");
  EXPECT_EQ(r->sinks[0].path, "/etc/fleet.db");
  EXPECT_EQ(r->topics[0].schema, "/abs/a.json");
  EXPECT_EQ(spool_directory(*r), "/etc/fleetgate/data/spool");
}

TEST(config_file, a_fraction_of_a_second_is_refused_where_seconds_are_counted) {
  EXPECT_THAT(errors_of(with_listener("max_keep_alive = \"1500ms\"\n")),
              ElementsAre(EndsWith("write max_keep_alive = \"2s\"")));
}

}  // namespace
}  // namespace fleetgate::node
