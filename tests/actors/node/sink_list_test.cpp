#include "actors/node/sink_list.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace fleetgate::node {
namespace {

namespace fs = std::filesystem;

class sink_list : public ::testing::Test {
 protected:
  sink_list() { fs::create_directories(directory_); }
  ~sink_list() override { fs::remove_all(directory_); }

  void put(const std::string& text) const { std::ofstream(directory_ / "sinks") << text; }
  [[nodiscard]] fault_code refused() const {
    const auto read = read_sink_list(directory_.string());
    EXPECT_FALSE(read);
    return read ? fault_code::internal : read.error().code;
  }

  fs::path directory_ =
      fs::temp_directory_path() / ("fleetgate-sink-list-" + std::to_string(::getpid()));
};

TEST_F(sink_list, says_what_was_written_with_absolute_paths) {
  std::vector<sink_config> sinks(2);
  sinks[0].name = "fleet";
  sinks[0].path = "fleet.db";
  sinks[1].name = "old \"one\"";
  sinks[1].path = "/data/o\nld.db";
  ASSERT_TRUE(write_sink_list(directory_.string(), sinks));
  const auto read = read_sink_list(directory_.string());
  ASSERT_TRUE(read) << to_string(read.error());
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].name, "fleet");
  EXPECT_EQ((*read)[0].database, (fs::current_path() / "fleet.db").string());
  EXPECT_EQ((*read)[1].name, sinks[1].name);
  EXPECT_EQ((*read)[1].database, sinks[1].path);
}

TEST_F(sink_list, of_a_node_without_sinks_is_empty_and_replaces_what_was_there) {
  ASSERT_TRUE(write_sink_list(directory_.string(), std::vector<sink_config>(1)));
  ASSERT_TRUE(write_sink_list(directory_.string(), {}));
  const auto read = read_sink_list(directory_.string());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->empty());
}

TEST_F(sink_list, that_is_a_pipe_holds_up_nobody) {
  ASSERT_EQ(::mkfifo((directory_ / "sinks").c_str(), 0600), 0);
  EXPECT_EQ(refused(), fault_code::storage_damaged);
}

TEST_F(sink_list, that_is_missing_is_told_from_one_that_is_none) {
  EXPECT_EQ(refused(), fault_code::not_found);
  for (const char* text : {"", "nonsense", "[]", "{}", R"({"sinks":7})", R"({"sinks":[7]})",
                           R"({"sinks":[{"name":"a"}]})", R"({"sinks":[{"name":1,"database":2}]})",
                           "{\"sinks\":[{\"name\":\"a\",\"database\":\"\xff\"}]}"}) {
    put(text);
    EXPECT_EQ(refused(), fault_code::storage_damaged) << text;
  }
}

TEST_F(sink_list, that_cannot_be_written_leaves_none_that_would_lie) {
  ASSERT_TRUE(write_sink_list(directory_.string(), std::vector<sink_config>(1)));
  fs::create_directory(directory_ / "sinks.new");
  EXPECT_FALSE(write_sink_list(directory_.string(), {}));
  EXPECT_EQ(refused(), fault_code::not_found);
}

}  // namespace
}  // namespace fleetgate::node
