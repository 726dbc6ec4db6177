// Rules over the whole of a configuration whose values are each right for themselves.
#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string listener(const std::string& name, const std::string& bind,
                     const std::string& rest = "") {
  return "[[listener]]\nname = \"" + name + "\"\nbind = \"" + bind + "\"\n" + rest;
}
std::string sink(const std::string& name, const std::string& path) {
  return "[[sink]]\nname = \"" + name + "\"\npath = \"" + path + "\"\n";
}

TEST(config_check, a_node_nobody_can_connect_to_is_an_error) {
  EXPECT_THAT(errors_of(""), ElementsAre(StartsWith("f.toml: there is no [[listener]]")));
}

TEST(config_check, names_are_used_once) {
  EXPECT_THAT(errors_of(listener("a", "127.0.0.1:1") + listener("a", "127.0.0.1:2")),
              ElementsAre(AllOf(StartsWith("f.toml:5:8: name:"), HasSubstr("f.toml:2"))));
  EXPECT_THAT(errors_of(with_listener(sink("s", "/a.db") + sink("s", "/b.db"))),
              ElementsAre(AllOf(StartsWith("f.toml:7:8: name:"), HasSubstr("f.toml:4"))));
  EXPECT_THAT(errors_of(listener("a", "127.0.0.1:1") + sink("a", "/a.db")), IsEmpty());
}

TEST(config_check, a_port_is_bound_once) {
  const auto clash = [](const std::string& one, const std::string& other) {
    const std::string anyone = "allow_anonymous = true\n";
    return errors_of(listener("a", one, anyone) + listener("b", other, anyone)).size();
  };
  EXPECT_EQ(clash("127.0.0.1:1883", "127.0.0.1:1883"), 1U);
  EXPECT_EQ(clash("0.0.0.0:1883", "127.0.0.1:1883"), 1U);
  EXPECT_EQ(clash("127.0.0.1:1883", "[::]:1883"), 1U);
  EXPECT_EQ(clash("[::1]:1883", "[0:0:0:0:0:0:0:1]:1883"), 1U);
  EXPECT_EQ(clash("127.0.0.1:1883", "127.0.0.1:1884"), 0U);
  EXPECT_EQ(clash("127.0.0.1:1883", "127.0.0.2:1883"), 0U);
  EXPECT_EQ(clash("127.0.0.1:0", "127.0.0.1:0"), 0U);
}

TEST(config_check, the_admin_port_counts_as_one) {
  EXPECT_THAT(errors_of(listener("a", "127.0.0.1:9600")),
              ElementsAre(AllOf(HasSubstr("port 9600 is already taken"), HasSubstr("f.toml:3"))));
}

TEST(config_check, other_machines_are_let_in_only_on_purpose) {
  EXPECT_THAT(errors_of(listener("a", "0.0.0.0:1883")),
              ElementsAre(AllOf(StartsWith("f.toml:3:8: bind: 0.0.0.0:1883 can be reached"),
                                HasSubstr("allow_anonymous = true"))));
  EXPECT_THAT(errors_of(listener("a", "0.0.0.0:1883", "allow_anonymous = true\n")), IsEmpty());
  EXPECT_THAT(errors_of(listener("a", "[::1]:1883")), IsEmpty());
  EXPECT_THAT(errors_of(with_listener("[admin]\nbind = \"[::]:9600\"\n")),
              ElementsAre(HasSubstr("[::1]:9600")));
}

TEST(config_check, a_sink_does_not_write_where_the_node_does) {
  const auto at = [](const std::string& path) {
    return errors_of(with_listener("[node]\ndata_dir = \"/data\"\n" + sink("s", path)));
  };
  EXPECT_THAT(at("/data/spool/fleet.db"),
              ElementsAre(HasSubstr("where the node keeps its own spool")));
  EXPECT_THAT(at("/data/x/../spool/deep/f.db"), ElementsAre(HasSubstr("its own spool")));
  for (const auto* own : {"spool", "state.db", "state.db-wal", "accounts", "lock", "sinks",
                          "shutdown.json", "recorder", "recorder/1/journal.ring"}) {
    EXPECT_THAT(at("/data/" + std::string(own)), ElementsAre(HasSubstr("its own"))) << own;
  }
  EXPECT_THAT(at("/data/fleet.db"), IsEmpty());
  EXPECT_THAT(at("/data/spool.db"), IsEmpty());
}

TEST(config_check, two_sinks_do_not_share_a_file) {
  EXPECT_THAT(errors_of(with_listener(sink("a", "/d/f.db") + sink("b", "/d/./f.db"))),
              ElementsAre(AllOf(StartsWith("f.toml:8:8: path:"), HasSubstr("f.toml:5"))));
}

TEST(config_check, a_file_is_the_same_under_all_its_names) {
  const temporary_directory dir;
  const auto second = [&](const std::string& name) {
    return errors_of(with_listener("[node]\ndata_dir = \"" + dir.path() + "\"\n" +
                                   sink("a", dir / "f.db") + sink("b", dir / name)));
  };
  const auto is_taken =
      ElementsAre(HasSubstr("already written, with its -wal and -shm, by the "
                            "sink at f.toml:7"));
  std::filesystem::create_symlink("f.db", dir / "link.db");
  std::filesystem::create_symlink(dir / "link.db", dir / "chain.db");
  std::filesystem::create_directory_symlink(".", dir / "here");
  std::filesystem::create_symlink("accounts", dir / "own.db");
  std::filesystem::create_symlink("round.db", dir / "round.db");
  for (const auto* name : {"link.db", "chain.db", "here/f.db", "here/link.db"}) {
    EXPECT_THAT(second(name), is_taken) << name << ", before the file is there";
  }
  for (const auto* name : {"f.db-wal", "f.db-shm", "f.db-journal", "here/f.db-wal"}) {
    EXPECT_THAT(second(name), is_taken) << name << " is the other's own";
  }
  EXPECT_THAT(second("f.db-walk"), IsEmpty());
  EXPECT_THAT(second("."), ElementsAre(HasSubstr("the directory of the node")));
  EXPECT_THAT(second("own.db"), ElementsAre(HasSubstr("its own accounts")));
  EXPECT_THAT(second("round.db"), IsEmpty()) << "opening it will say so";
  dir.write("f.db", "");
  std::filesystem::create_hard_link(dir / "f.db", dir / "hard.db");
  for (const auto* name : {"link.db", "chain.db", "here/f.db", "hard.db"}) {
    EXPECT_THAT(second(name), is_taken) << name;
  }
  EXPECT_THAT(second("other.db"), IsEmpty());
}

TEST(config_check, topic_rules_are_checked_where_they_stand) {
  EXPECT_THAT(errors_of(with_listener("[[topic]]\nmatch = \"a/{x}\"\nsequence = \"seq\"\n")),
              ElementsAre(StartsWith("f.toml:4:9: match:"), StartsWith("f.toml:5:12: sequence:")));
  EXPECT_THAT(errors_of(with_listener("[[topic]]\nmatch = \"a\"\nformat = \"raw\"\n"
                                      "device_time = \"$.ts\"\n")),
              ElementsAre(StartsWith("f.toml:6:15: device_time:")));
}

TEST(config_check, a_rule_that_is_never_reached_is_an_error) {
  const std::string twice = "[[topic]]\nmatch = \"a/+\"\n[[topic]]\nmatch = \"a/+\"\n";
  EXPECT_THAT(errors_of(with_listener(twice)),
              ElementsAre(AllOf(StartsWith("f.toml:6:9: match:"), HasSubstr("f.toml:4"))));
  const std::string devices = "[[device]]\nmatch = \"a*\"\n[[device]]\nmatch = \"a*\"\n";
  EXPECT_THAT(errors_of(with_listener(devices)), ElementsAre(HasSubstr("never reached")));
}

TEST(config_check, committed_needs_a_sink_that_is_required) {
  const std::string topic = "[[topic]]\nmatch = \"a\"\nack = \"committed\"\n";
  EXPECT_THAT(errors_of(with_listener(topic)), ElementsAre(StartsWith("f.toml:5:7: ack:")));
  EXPECT_THAT(errors_of(with_listener(topic + sink("s", "/f.db") + "required = false\n")),
              ElementsAre(StartsWith("f.toml:5:7: ack:")));
  EXPECT_THAT(errors_of(with_listener(topic + sink("s", "/f.db"))), IsEmpty());
}

TEST(config_check, budgets_hold_what_they_must) {
  EXPECT_THAT(errors_of(with_listener("[spool]\nbudget = \"64MiB\"\n")),
              testing::Contains(AllOf(StartsWith("f.toml:4:10: budget:"),
                                      HasSubstr("write budget = \"288MiB\""))));
  EXPECT_THAT(errors_of(with_listener("[spool]\nbudget = \"288MiB\"\n")), IsEmpty());
  EXPECT_THAT(errors_of(with_listener("[spool]\nquarantine_budget = \"3GiB\"\n")),
              ElementsAre(HasSubstr("more than half of the spool's budget")));
  EXPECT_THAT(errors_of(with_listener("max_packet_size = \"9MiB\"\n")),
              ElementsAre(AllOf(StartsWith("f.toml:3:19: max_packet_size:"),
                                HasSubstr("write max_packet_size = \"8MiB\""))));
  EXPECT_THAT(errors_of(with_listener("[memory]\nbudget = \"16MiB\"\n")), IsEmpty());
}

TEST(config_check, lists_are_bounded) {
  std::string many;
  for (int i = 0; i < 65; ++i) {
    many += listener("l" + std::to_string(i), "127.0.0.1:" + std::to_string(10'000 + i));
  }
  EXPECT_THAT(errors_of(many), ElementsAre(StartsWith("f.toml:193:1: there are 65 [[listener]]")));
}

TEST(config_check, a_value_that_was_refused_is_not_held_against_others) {
  // The first listener keeps the default port because its own cannot be read.
  EXPECT_THAT(errors_of(listener("a", "nonsense") + listener("b", "127.0.0.1:1883")),
              ElementsAre(StartsWith("f.toml:3:8:")));
}

}  // namespace
}  // namespace fleetgate::node
