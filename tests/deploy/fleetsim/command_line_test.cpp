#include "deploy/fleetsim/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetgate::fleetsim {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

tl::expected<command, usage_error> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "fleetsim");
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

TEST(command_line, each_command_is_a_plan) {
  EXPECT_TRUE(parsed<run_plan>({"steady", "--rate", "5"}).when.is_open_loop());
  EXPECT_FALSE(parsed<run_plan>({"flood"}).when.is_open_loop());
  EXPECT_EQ(parsed<run_plan>({"burst", "--every", "10s", "--size", "7"}).when.due(0), 7U);
  EXPECT_EQ(parsed<run_plan>({"storm"}).does, activity::storm);
  EXPECT_EQ(parsed<run_plan>({"hold"}).does, activity::hold);
  EXPECT_EQ(parsed<verify_plan>({"verify", "--ack-log", "l", "--sqlite", "d"}).database, "d");
}

TEST(command_line, a_protocol_has_its_port_and_its_batches) {
  EXPECT_EQ(parsed<run_plan>({"flood"}).port, 1883);
  const auto plan =
      parsed<run_plan>({"flood", "--protocol", "native", "--batch", "64", "--in-flight", "64"});
  EXPECT_EQ(plan.speaks, protocol::native);
  EXPECT_EQ(plan.port, 1884);
  EXPECT_EQ(plan.batch, 64);
  EXPECT_EQ(parsed<run_plan>({"steady", "--rate", "9", "--gather", "8"}).gather, 8);
  EXPECT_FALSE(plan.connection.keeps_session) << "sequences alone say what a resend is";
  EXPECT_EQ(parsed<run_plan>({"flood", "--protocol", "native", "--port", "5"}).port, 5);
  EXPECT_EQ(plan.connections, 100U);
  const auto http = parsed<run_plan>({"flood", "--protocol", "http", "--newest-first"});
  EXPECT_EQ(http.port, 9600);
  EXPECT_EQ(http.connections, 50U) << "the gateway serves 64";
}

TEST(command_line, times_carry_units) {
  EXPECT_DOUBLE_EQ(parsed<run_plan>({"flood", "--duration", "250ms"}).duration_s, 0.25);
  EXPECT_DOUBLE_EQ(parsed<run_plan>({"flood", "--duration", "2m"}).duration_s, 120);
  EXPECT_DOUBLE_EQ(parsed<run_plan>({"flood", "--duration", "3"}).duration_s, 3);
  EXPECT_THAT(refused({"flood", "--duration", "3 fortnights"}), StartsWith("fleetsim flood: "));
}

TEST(command_line, topics_add_up) {
  const auto plan = parsed<run_plan>({"flood", "--topic", "a/{device}", "--topic", "b/{i}"});
  EXPECT_EQ(plan.fleet.topics, (std::vector<std::string>{"a/{device}", "b/{i}"}));
  EXPECT_EQ(plan.fleet.topic_name(0, 7), "a/sim-7");
  EXPECT_EQ(plan.fleet.topic_name(1, 7), "b/7");
}

TEST(command_line, the_same_seed_is_the_same_fleet_and_none_is_another_each_time) {
  const auto a = parsed<run_plan>({"flood", "--seed", "5"});
  EXPECT_EQ(a.fleet.seed, 5U);
  EXPECT_EQ(a.fleet, parsed<run_plan>({"flood", "--seed", "5"}).fleet);
  EXPECT_NE(a.fleet.first_boot, parsed<run_plan>({"flood", "--seed", "6"}).fleet.first_boot);
  EXPECT_EQ(parsed<run_plan>({"flood", "--boot", "3"}).fleet.first_boot, 3U);
}

TEST(command_line, a_resumed_fleet_is_told_by_its_log_alone) {
  EXPECT_EQ(parsed<run_plan>({"flood", "--resume-log", "l"}).resume_log, "l");
  for (const char* option : {"--seed", "--boot", "--payload-bytes", "--ack-log"}) {
    EXPECT_THAT(refused({"flood", "--resume-log", "l", option, "1"}), HasSubstr("excludes"))
        << option;
  }
}

TEST(command_line, what_cannot_be_is_refused_with_the_next_command) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"steady"},
           {"steady", "--rate", "0"},
           {"burst", "--every", "0", "--size", "5"},
           {"flood", "--qos", "3"},
           {"flood", "--qos", "0", "--ack-log", "l"},
           {"flood", "--topic", "a/+"},
           {"flood", "--topic", ""},
           {"flood", "--device", "sim"},
           {"flood", "--device", "{i}{i}"},
           {"flood", "--device", "a\"{i}"},
           {"flood", "--connections", "0"},
           {"flood", "--password-file", "nowhere"},
           {"flood", "--protocol", "carrier-pigeon"},
           {"flood", "--batch", "2"},
           {"flood", "--protocol", "native", "--batch", "17"},
           {"flood", "--protocol", "native", "--qos", "2"},
           {"flood", "--protocol", "http", "--batch", "1001", "--in-flight", "2000"},
           {"flood", "--protocol", "http", "--username", "u"},
           {"flood", "--protocol", "native", "--newest-first"},
           {"flood", "--protocol", "native", "--topic", "{device}{device}{device}{device}",
            "--device",
            "a-name-of-which-four-are-more-than-a-stream-can-be-called-in-the-native-protocol-{i}"},
           {"flood", "--no-such-option"},
           {"verify", "--ack-log", "l"},
       }) {
    EXPECT_THAT(refused(words),
                AllOf(StartsWith(std::string("fleetsim ") + words[0] + ": "),
                      EndsWith(std::string("See: fleetsim ") + words[0] + " --help\n")))
        << testing::PrintToString(words);
  }
  EXPECT_THAT(refused({}), EndsWith("See: fleetsim --help\n"));
}

TEST(command_line, help_teaches_by_example) {
  EXPECT_THAT(parsed<print_command>({"--help"}).text, HasSubstr("fleetsim verify --ack-log"));
  for (const char* name : {"steady", "flood", "burst", "storm", "hold", "verify"}) {
    EXPECT_THAT(parsed<print_command>({name, "--help"}).text, HasSubstr("Examples:")) << name;
  }
}

}  // namespace
}  // namespace fleetgate::fleetsim
