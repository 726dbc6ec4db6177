#include "actors/node/cli.hpp"

#include <sstream>

#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct cli : testing::Test {
  temporary_directory dir;
  std::ostringstream out;
  std::ostringstream err;
};

TEST_F(cli, check_says_ok_and_what_the_budgets_hold) {
  const std::string file = dir.write("f.toml", with_listener(""));
  EXPECT_EQ(check_config({file}, {}, out, err), exit_code::ok);
  EXPECT_THAT(out.str(), AllOf(StartsWith("ok: " + file + "\n"), HasSubstr("messages of 256 bytes"),
                               HasSubstr("at 10,000 messages a second")));
  EXPECT_THAT(err.str(), IsEmpty());
}

TEST_F(cli, check_lists_every_error_and_exits_with_78) {
  const std::string file = dir.write("f.toml", with_listener("[log]\nlevel = 1\nformat = 2\n"));
  EXPECT_EQ(to_int(check_config({file}, {}, out, err)), 78);
  EXPECT_THAT(out.str(), IsEmpty());
  EXPECT_THAT(err.str(), AllOf(HasSubstr(file + ":4:9: "), HasSubstr(file + ":5:10: "),
                               HasSubstr("\n2 errors in the configuration")));
}

TEST_F(cli, show_prints_what_is_in_force) {
  const std::string file = dir.write("f.toml", with_listener(""));
  const environment env{{"FLEETGATE_NODE__NAME", "from-variable"}};
  EXPECT_EQ(show_config({file, text_format::toml}, env, out, err), exit_code::ok);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("name = \"from-variable\""), HasSubstr("[[listener]]")));
  std::ostringstream json;
  EXPECT_EQ(show_config({{}, text_format::json}, env, json, err), exit_code::ok);
  EXPECT_THAT(json.str(), HasSubstr("\"name\": \"from-variable\""));
  EXPECT_EQ(to_int(show_config({dir / "absent", text_format::toml}, env, out, err)), 78);
}

TEST_F(cli, init_writes_a_file_that_check_accepts) {
  const std::string file = dir / "new.toml";
  EXPECT_EQ(init_config({file}, out, err), exit_code::ok);
  EXPECT_THAT(out.str(), EndsWith("fleetgate run --config " + file + "\n"));
  EXPECT_EQ(check_config({file}, {}, out, err), exit_code::ok) << err.str();
}

TEST_F(cli, init_never_overwrites) {
  const std::string file = dir.write("f.toml", "mine");
  EXPECT_EQ(to_int(init_config({file}, out, err)), 73);
  EXPECT_EQ(contents(file), "mine");
  EXPECT_THAT(err.str(), HasSubstr("never overwritten"));
}

TEST_F(cli, init_says_where_it_cannot_write) {
  EXPECT_EQ(to_int(init_config({dir / "absent/f.toml"}, out, err)), 73);
  EXPECT_THAT(err.str(), StartsWith(dir / "absent/f.toml: cannot be written: "));
}

}  // namespace
}  // namespace fleetgate::node
