#include "actors/node/config_source.hpp"

#include <sys/stat.h>

#include "tests/actors/node/config_fixture.hpp"

namespace fleetgate::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class source : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> refused_for() const {
    const auto got = from.read_again();
    if (got) return {};
    EXPECT_EQ(got.error().why.code, fault_code::config_invalid);
    EXPECT_THAT(got.error().next, HasSubstr("fleetgate config check " + from.file));
    return got.error().errors;
  }

  temporary_directory dir;
  config_source from{dir.write("node.toml", with_listener("")), {}, {}};
};

TEST_F(source, variables_and_flags_count_again_as_they_did_at_the_start) {
  from.variables = {{"FLEETGATE_LOG__LEVEL", "debug"}};
  from.flags.data_dir = "/elsewhere";
  dir.write("node.toml", with_listener("[log]\nlevel = \"error\"\n[memory]\nbudget = \"1GiB\"\n"));
  dir.write("conf.d/1.toml", "[shutdown]\ndrain_timeout = \"7s\"\n");
  const auto got = from.read_again();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->log.level, log_level::debug);
  EXPECT_EQ(got->node.data_dir, "/elsewhere");
  EXPECT_EQ(got->memory.budget, gib);
  EXPECT_EQ(got->shutdown.drain_timeout, std::chrono::seconds(7));
}

TEST_F(source, all_errors_are_told_with_their_places) {
  dir.write("node.toml", with_listener("[log]\nlevle = \"info\"\n[memory]\nbudget = \"1MiB\"\n"));
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("node.toml:4:1"), HasSubstr("node.toml:6:10")));
  dir.write("node.toml", with_listener("[[topic]]\nmatch = \"a/#\"\nschema = \"none.json\"\n"));
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("none.json")));
}

TEST_F(source, so_many_errors_are_told_and_all_are_counted) {
  std::string text = with_listener("");
  for (int i = 0; i < 150; ++i) text += "wrong" + std::to_string(i) + " = 1\n";
  dir.write("node.toml", text);
  EXPECT_THAT(refused_for(), SizeIs(config_source::most_errors));
  EXPECT_THAT(from.read_again().error().why.detail, HasSubstr("150 errors"));
}

TEST_F(source, a_file_that_has_gone_is_too_large_or_is_a_directory_is_an_error) {
  std::filesystem::remove(from.file);
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("cannot be opened")));
  dir.write("node.toml", std::string(1024 * 1024 + 1, '#'));
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("larger than 1 MiB")));
  std::filesystem::remove(from.file);
  std::filesystem::create_directory(from.file);
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("not a regular file")));
}

TEST_F(source, a_pipe_that_nobody_writes_holds_up_nobody) {
  std::filesystem::remove(from.file);
  ASSERT_EQ(::mkfifo(from.file.c_str(), 0600), 0);
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("not a regular file")));
  std::filesystem::remove(from.file);
  dir.write("node.toml", with_listener("[[topic]]\nmatch = \"a/#\"\nschema = \"s.json\"\n"));
  ASSERT_EQ(::mkfifo((dir / "s.json").c_str(), 0600), 0);
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("s.json: cannot be read")));
  dir.write("node.toml", with_listener(""));
  std::filesystem::create_directory(dir / "conf.d");
  ASSERT_EQ(::mkfifo((dir / "conf.d/1.toml").c_str(), 0600), 0);
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("1.toml: is not a regular file")));
}

TEST_F(source, more_drop_ins_than_anybody_has_are_refused) {
  for (int i = 0; i < 1001; ++i) dir.write("conf.d/" + std::to_string(i) + ".toml", "");
  EXPECT_THAT(refused_for(), ElementsAre(HasSubstr("more than 1000 files")));
  std::filesystem::remove(dir / "conf.d/7.toml");
  EXPECT_THAT(refused_for(), IsEmpty());
}

}  // namespace
}  // namespace fleetgate::node
