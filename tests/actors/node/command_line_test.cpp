#include "actors/node/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetgate::node {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

tl::expected<command, usage_error> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "fleetgate");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

template <class Command>
Command parsed(const std::vector<const char*>& words) {
  const auto r = parse(words);
  if (r && std::holds_alternative<Command>(*r)) return std::get<Command>(*r);
  ADD_FAILURE() << (r ? "another command" : r.error().text);
  return {};
}

std::string refused(const std::vector<const char*>& words) {
  const auto r = parse(words);
  return r ? "accepted" : r.error().text;
}

TEST(command_line, run_takes_a_file_and_a_data_directory) {
  EXPECT_EQ(parsed<run_command>({"run"}).config_file, "/etc/fleetgate/fleetgate.toml");
  EXPECT_FALSE(parsed<run_command>({"run"}).data_dir);
  const auto c = parsed<run_command>({"run", "--config", "f.toml", "--data-dir", "d"});
  EXPECT_EQ(c.config_file, "f.toml");
  EXPECT_EQ(c.data_dir, "d");
}

TEST(command_line, dev_needs_nothing) {
  const auto c = parsed<dev_command>({"dev"});
  EXPECT_EQ(c.options.data_dir, "./fleetgate-data");
  EXPECT_EQ(c.options.mqtt_port, 1883);
  EXPECT_EQ(c.options.admin_port, 9600);
  EXPECT_FALSE(c.options.native_port);
}

TEST(command_line, dev_takes_ports_from_0_to_65535) {
  const auto c =
      parsed<dev_command>({"dev", "--data-dir=/d", "--mqtt-port", "0", "--admin-port", "65535"});
  EXPECT_EQ(c.options.data_dir, "/d");
  EXPECT_EQ(c.options.mqtt_port, 0);
  EXPECT_EQ(c.options.admin_port, 65535);
  EXPECT_EQ(parsed<dev_command>({"dev", "--native-port", "1884"}).options.native_port, 1884);
  for (const char* port : {"65536", "-1", "x", "", "1883x"}) {
    EXPECT_THAT(refused({"dev", "--mqtt-port", port}), HasSubstr("--mqtt-port")) << port;
  }
}

TEST(command_line, config_has_three_verbs) {
  EXPECT_EQ(parsed<config_check_command>({"config", "check", "f.toml"}).file, "f.toml");
  EXPECT_FALSE(parsed<config_show_command>({"config", "show"}).file);
  EXPECT_EQ(parsed<config_show_command>({"config", "show"}).format, text_format::toml);
  const auto show = parsed<config_show_command>({"config", "show", "f.toml", "-o", "json"});
  EXPECT_EQ(show.file, "f.toml");
  EXPECT_EQ(show.format, text_format::json);
  EXPECT_FALSE(parsed<config_init_command>({"config", "init"}).output);
  EXPECT_EQ(parsed<config_init_command>({"config", "init", "--output", "f"}).output, "f");
}

TEST(command_line, version_and_help_are_answers_not_errors) {
  EXPECT_EQ(parsed<print_command>({"--version"}).text, "fleetgate " FLEETGATE_VERSION "\n");
  EXPECT_THAT(parsed<print_command>({"--help"}).text,
              AllOf(HasSubstr("Examples:"), HasSubstr("fleetgate dev"), HasSubstr("config")));
  EXPECT_THAT(parsed<print_command>({"dev", "--help"}).text,
              AllOf(HasSubstr("--mqtt-port"), HasSubstr("mosquitto_pub")));
  EXPECT_THAT(parsed<print_command>({"config", "show", "-h"}).text, HasSubstr("built-in defaults"));
}

TEST(command_line, a_mistake_is_answered_with_what_why_and_the_next_command) {
  EXPECT_EQ(refused({"rnu"}),
            "fleetgate: it has no command or argument \"rnu\"; did you mean run?\n"
            "Nothing was done. See: fleetgate --help\n");
  EXPECT_EQ(refused({"run", "--conifg", "f"}),
            "fleetgate run: it has no option \"--conifg\"; did you mean --config?\n"
            "Nothing was done. See: fleetgate run --help\n");
  EXPECT_THAT(refused({"config", "chekc", "f"}),
              AllOf(StartsWith("fleetgate config: "), HasSubstr("did you mean check?")));
  EXPECT_THAT(refused({"run", "extra"}),
              StartsWith("fleetgate run: it has no command or argument"));
  EXPECT_THAT(refused({"run", "--config"}), HasSubstr("--config"));
  EXPECT_THAT(refused({"config", "show", "-o", "yaml"}), HasSubstr("yaml"));
}

TEST(command_line, a_command_is_needed) {
  EXPECT_THAT(refused({}), EndsWith("See: fleetgate --help\n"));
  EXPECT_THAT(refused({"config"}), EndsWith("See: fleetgate config --help\n"));
}

TEST(command_line, a_verb_gets_what_it_was_given_and_what_stands_otherwise) {
  const auto list = parsed<verb_command>({"devices", "ls"});
  EXPECT_EQ(list.what->name, "ls");
  EXPECT_EQ(list.call.words, "fleetgate devices ls");
  EXPECT_EQ(list.call.get("--limit"), "1000");
  EXPECT_EQ(list.call.admin, "http://127.0.0.1:9600");
  EXPECT_EQ(list.call.format, output_format::table);
  const auto replay =
      parsed<verb_command>({"sinks", "replay", "fleet", "--from", "1-2", "--allow-duplicates", "-o",
                            "json", "--admin=http://h:1"});
  EXPECT_EQ(replay.call.get("name"), "fleet");
  EXPECT_EQ(replay.call.get("--from"), "1-2");
  EXPECT_EQ(replay.call.get("--allow-duplicates"), "true");
  EXPECT_EQ(replay.call.admin, "http://h:1");
  EXPECT_EQ(replay.call.format, output_format::json);
  EXPECT_EQ(parsed<verb_command>({"sinks", "replay", "f", "--from", "1-2"})
                .call.get("--allow-duplicates"),
            "");
}

TEST(command_line, a_payload_is_taken_as_it_stands) {
  const auto payload = [](const std::vector<const char*>& more) {
    std::vector<const char*> words{"commands", "send", "d", "n"};
    words.insert(words.end(), more.begin(), more.end());
    return std::string(parsed<verb_command>(words).call.get("payload"));
  };
  EXPECT_EQ(payload({}), "");
  EXPECT_EQ(payload({"-"}), "-");
  EXPECT_EQ(payload({"[1,2]"}), "[1,2]");
  EXPECT_EQ(payload({"{\"a\": [1, \"b c\"]}"}), "{\"a\": [1, \"b c\"]}");
  EXPECT_EQ(payload({"%%"}), "%%");
  EXPECT_EQ(payload({"-5"}), "-5");
  EXPECT_EQ(payload({"--", "-x"}), "-x");
  const auto c = parsed<verb_command>({"commands", "send", "--file", "f", "d", "n", "--ttl", "2d",
                                       "--content-type", "text/plain", "--idempotency-key=k"});
  EXPECT_EQ(c.call.get("device"), "d");
  EXPECT_EQ(c.call.get("name"), "n");
  EXPECT_EQ(c.call.get("--file"), "f");
  EXPECT_EQ(c.call.get("--ttl"), "2d");
  EXPECT_EQ(c.call.get("--content-type"), "text/plain");
  EXPECT_EQ(c.call.get("--idempotency-key"), "k");
  EXPECT_EQ(parsed<verb_command>({"commands", "send", "d", "n"}).call.get("--ttl"), "1h");
}

TEST(command_line, what_a_verb_needs_is_asked_for) {
  EXPECT_THAT(refused({"commands", "send", "d"}), HasSubstr("name"));
  EXPECT_THAT(refused({"commands", "ls"}), HasSubstr("device"));
  EXPECT_THAT(refused({"commands", "send", "d", "n", "-x"}), HasSubstr("-x"));

  EXPECT_THAT(refused({"devices", "show"}), HasSubstr("client-id"));
  EXPECT_THAT(refused({"sinks", "replay", "fleet"}), HasSubstr("--from"));
  EXPECT_THAT(refused({"devices", "lst"}), HasSubstr("did you mean ls?"));
  EXPECT_THAT(refused({"status", "-o", "xml"}), HasSubstr("-o"));
  EXPECT_THAT(refused({"spool", "inspect", "d", "--admin", "http://h:1"}), HasSubstr("--admin"));
}

}  // namespace
}  // namespace fleetgate::node
