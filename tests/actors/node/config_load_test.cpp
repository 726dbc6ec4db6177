// Files, conf.d, environment and flags: who has the last word.
#include <sys/stat.h>

#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct config_load : testing::Test {
  temporary_directory dir;

  std::string main_file(const std::string& rest = "") const {
    return dir.write("f.toml", with_listener(rest));
  }
};

TEST_F(config_load, each_source_overrides_the_one_before) {
  const std::string file = main_file(
      "[node]\nname = \"file\"\nsite = \"file\"\ndata_dir = \"/file\"\n[shutdown]\n"
      "disconnect_rate = 1\n");
  dir.write("conf.d/20.toml", "[node]\nname = \"second\"\n");
  dir.write("conf.d/10.toml",
            "[node]\nname = \"first\"\nsite = \"first\"\ndata_dir = \"/first\"\n");
  const environment env{{"FLEETGATE_NODE__SITE", "variable"},
                        {"FLEETGATE_NODE__DATA_DIR", "/variable"}};
  const auto r = load_config(file, env, {"/flag"});
  ASSERT_TRUE(r) << lines_of(r)[0];
  EXPECT_EQ(r->shutdown.disconnect_rate, 1U);
  EXPECT_EQ(r->node.name, "second");
  EXPECT_EQ(r->node.site, "variable");
  EXPECT_EQ(r->node.data_dir, "/flag");
}

TEST_F(config_load, drop_ins_add_to_lists) {
  const std::string file = main_file("[[topic]]\nmatch = \"a\"\n");
  dir.write("conf.d/b.toml",
            "[[topic]]\nmatch = \"c\"\n[[listener]]\nname = \"two\"\n"
            "bind = \"127.0.0.1:2\"\n");
  dir.write("conf.d/a.toml", "[[topic]]\nmatch = \"b\"\n");
  dir.write("conf.d/readme.txt", "not TOML [");
  std::filesystem::create_symlink("nobody@nowhere.1:2", dir / "conf.d/.#a.toml");  // Emacs' lock
  const auto r = load_config(file, {});
  ASSERT_TRUE(r) << lines_of(r)[0];
  ASSERT_EQ(r->topics.size(), 3U);
  EXPECT_EQ(r->topics[1].match, "b");
  EXPECT_EQ(r->topics[2].match, "c");
  EXPECT_EQ(r->listeners.size(), 2U);
}

TEST_F(config_load, a_drop_in_that_is_a_pipe_holds_up_nobody) {
  const std::string file = main_file("");
  dir.write("conf.d/1.toml", "");
  ASSERT_EQ(::mkfifo((dir / "conf.d/2.toml").c_str(), 0600), 0);
  EXPECT_THAT(lines_of(load_config(file, {})),
              ElementsAre(HasSubstr("2.toml: is not a regular file")));
}

TEST_F(config_load, errors_name_the_file_they_are_in) {
  const std::string file = main_file("[memory]\nbudgett = \"1GiB\"\n");
  const std::string drop_in = dir.write("conf.d/10.toml",
                                        "[[listener]]\nname = \"mqtt\"\n"
                                        "bind = \"127.0.0.1:2\"\n");
  const environment env{{"FLEETGATE_SPOOL__BUDGET", "1"}};
  EXPECT_THAT(lines_of(load_config(file, env)),
              ElementsAre(StartsWith(file + ":4:1: unknown key"),
                          StartsWith("FLEETGATE_SPOOL__BUDGET: budget: found \"1\""),
                          AllOf(StartsWith(drop_in + ":2:8: name:"), HasSubstr(file + ":2"))));
}

TEST_F(config_load, a_variable_may_write_any_type) {
  const environment env{{"FLEETGATE_NODE__SHARDS", "2"},
                        {"FLEETGATE_MEMORY__BUDGET", "1GiB"},
                        {"FLEETGATE_ADMIN__ALLOW_ANONYMOUS", "true"},
                        {"FLEETGATE_ADMIN__BIND", "0.0.0.0:9601"},
                        {"FLEETGATE_LOG__LEVEL", "debug"},
                        {"FLEETGATE_SHUTDOWN__DRAIN_TIMEOUT", "1m"}};
  const auto r = load_config(main_file(), env);
  ASSERT_TRUE(r) << lines_of(r)[0];
  EXPECT_EQ(r->node.shards, 2U);
  EXPECT_EQ(r->memory.budget, gib);
  EXPECT_TRUE(r->admin.allow_anonymous);
  EXPECT_EQ(r->admin.bind, (endpoint{"0.0.0.0", 9601}));
  EXPECT_EQ(r->log.level, log_level::debug);
  EXPECT_EQ(r->shutdown.drain_timeout, std::chrono::minutes(1));
}

TEST_F(config_load, a_misspelt_variable_is_an_error_that_names_the_right_one) {
  const environment env{{"FLEETGATE_MEMORY__BUDGT", "1GiB"}, {"FLEETGATE_NOD__NAME", "x"}};
  EXPECT_THAT(lines_of(load_config(main_file(), env)),
              ElementsAre("FLEETGATE_MEMORY__BUDGT: not a setting of fleetgate; did you mean "
                          "FLEETGATE_MEMORY__BUDGET?",
                          "FLEETGATE_NOD__NAME: not a setting of fleetgate; did you mean "
                          "FLEETGATE_NODE__NAME?"));
}

TEST_F(config_load, variables_that_are_not_settings_are_left_alone) {
  const environment env{{"FLEETGATE_HOME", "/x"}, {"FLEETGAT__NODE", "x"}, {"PATH", "/bin"}};
  EXPECT_THAT(lines_of(load_config(main_file(), env)), IsEmpty());
}

TEST_F(config_load, a_variable_cannot_name_one_of_a_list) {
  const environment env{{"FLEETGATE_LISTENER__BIND", "127.0.0.1:1"}};
  EXPECT_THAT(lines_of(load_config(main_file(), env)),
              ElementsAre(AllOf(StartsWith("FLEETGATE_LISTENER__BIND:"), HasSubstr("conf.d"))));
}

TEST_F(config_load, a_suggestion_for_a_variable_can_be_pasted) {
  const environment env{{"FLEETGATE_MEMORY__BUDGET", "512MB"}};
  EXPECT_THAT(lines_of(load_config(main_file(), env)),
              ElementsAre(HasSubstr("; set FLEETGATE_MEMORY__BUDGET=512MiB")));
}

TEST_F(config_load, a_file_that_is_not_there_is_an_error_with_the_next_command) {
  EXPECT_THAT(lines_of(load_config(dir / "absent.toml", {})),
              ElementsAre(AllOf(StartsWith(dir / "absent.toml: cannot be opened"),
                                HasSubstr("config init --output"))));
  EXPECT_THAT(lines_of(load_config(dir.path(), {})), ElementsAre(HasSubstr("cannot be read")));
}

TEST_F(config_load, a_file_of_absurd_size_is_refused) {
  const std::string file = dir.write("big.toml", std::string(1024 * 1024 + 1, '#'));
  EXPECT_THAT(lines_of(load_config(file, {})), ElementsAre(HasSubstr("larger than 1 MiB")));
}

TEST_F(config_load, a_broken_drop_in_does_not_hide_errors_elsewhere) {
  const std::string file = main_file("[log]\nlevel = \"loud\"\n");
  dir.write("conf.d/10.toml", "[log\n");
  EXPECT_THAT(lines_of(load_config(file, {})),
              ElementsAre(HasSubstr("f.toml:4:9: level:"), HasSubstr("10.toml:1:5: not valid")));
}

TEST_F(config_load, paths_become_absolute) {
  const std::string file =
      dir.write("deep/f.toml", with_listener("[node]\ndata_dir = \"data\"\n[[sink]]\nname = \"s\"\n"
                                             "path = \"data/fleet.db\"\n"));
  const auto r = load_config(file, {});
  ASSERT_TRUE(r) << lines_of(r)[0];
  EXPECT_EQ(r->node.data_dir, dir / "deep/data");
  EXPECT_EQ(r->sinks[0].path, dir / "deep/data/fleet.db");
  const auto here = load_config(file, {}, {"elsewhere"});
  ASSERT_TRUE(here);
  EXPECT_EQ(here->node.data_dir, (std::filesystem::current_path() / "elsewhere").string());
}

TEST_F(config_load, a_schema_that_is_not_there_is_an_error_at_its_key) {
  const std::string rule = "[[topic]]\nmatch = \"a\"\nschema = \"a.json\"\n";
  const std::string file = main_file(rule);
  EXPECT_THAT(lines_of(load_config(file, {})),
              ElementsAre(AllOf(StartsWith(file + ":5:10: schema:"), HasSubstr(dir / "a.json"),
                                HasSubstr("relative paths start"))));
  dir.write("a.json", "{}");
  EXPECT_THAT(lines_of(load_config(file, {})), IsEmpty());
}

TEST_F(config_load, bad_schemas_are_told_together_with_everything_else) {
  dir.write("cut.json", "{\"type\": ");
  dir.write("odd.json", "{\"typo\": \"object\"}");
  const std::string file = main_file(
      "[[topic]]\nmatch = \"a\"\nschema = \"cut.json\"\n"
      "[[topic]]\nmatch = \"b\"\nschema = 5\n"
      "[[topic]]\nschema = \"odd.json\"\nmatch = \"a\"\n"
      "[log]\nlevel = \"loud\"\n");
  EXPECT_THAT(lines_of(load_config(file, {})),
              ElementsAre(AllOf(StartsWith(file + ":5:10: schema: " + (dir / "cut.json")),
                                HasSubstr("draft 7")),
                          StartsWith(file + ":8:10: schema: found"),
                          AllOf(StartsWith(file + ":10:10: schema:"), HasSubstr("typo")),
                          StartsWith(file + ":11:9: match:"), StartsWith(file + ":13:9: level:")));
}

TEST_F(config_load, the_defaults_alone_take_the_environment_too) {
  const auto r = default_config({{"FLEETGATE_NODE__NAME", "x"}});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->node.name, "x");
  EXPECT_TRUE(r->listeners.empty());
  EXPECT_FALSE(default_config({{"FLEETGATE_NODE__NAME", "x y"}}));
}

}  // namespace
}  // namespace fleetgate::node
