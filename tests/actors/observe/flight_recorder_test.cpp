#include "actors/observe/flight_recorder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/actors/observe/recording_fixture.hpp"

namespace fleetgate::observe {
namespace {

using testing::ElementsAre;

class flight_recorder_test : public recording_test {
 protected:
  [[nodiscard]] result<flight_recorder> start() const {
    return flight_recorder::open({data_dir_, "node-1", 1000, 1, 1 << 20});
  }
  [[nodiscard]] std::set<std::string> entries() const {
    std::set<std::string> names;
    for (const auto& e : std::filesystem::directory_iterator(recordings_in(data_dir_))) {
      names.insert(e.path().filename().string());
    }
    return names;
  }
};

TEST_F(flight_recorder_test, keeps_the_last_starts_and_no_more) {
  for (int i = 0; i < 11; ++i) {
    const auto made = start();
    ASSERT_TRUE(made) << to_string(made.error());
    ASSERT_TRUE(made->writer("journal", 1));
  }
  EXPECT_THAT(entries(), ElementsAre("10", "11", "8", "9"));
}

TEST_F(flight_recorder_test, leaves_alone_what_is_not_its_own) {
  ASSERT_TRUE(start());
  std::filesystem::create_directory(recordings_in(data_dir_) + "/saved-by-a-person");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(start());
  EXPECT_EQ(entries().count("saved-by-a-person"), 1u);
}

TEST_F(flight_recorder_test, files_have_their_whole_size_at_once) {
  const auto made = start();
  ASSERT_TRUE(made && made->writer("journal", 0.5) && made->writer("shard-0", 0.5));
  std::uintmax_t bytes = 0;
  for (const auto& e : std::filesystem::directory_iterator(recordings_in(data_dir_) + "/1")) {
    bytes += e.file_size();
  }
  EXPECT_EQ(bytes, (1u << 20) + 2 * trace_head_bytes);
}

TEST_F(flight_recorder_test, where_no_directory_can_be_made_is_a_fault) {
  std::ofstream(recordings_in(data_dir_)) << "a file is in the way";
  const auto made = start();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, fault_code::storage_io);
}

TEST_F(flight_recorder_test, without_files_nothing_is_written_and_nothing_fails) {
  auto writer = flight_recorder().writer("journal", 1);
  ASSERT_TRUE(writer);
  EXPECT_FALSE(writer->is_open());
  writer->write({}, 1);
}

TEST_F(flight_recorder_test, a_thread_has_one_file) {
  const auto made = start();
  ASSERT_TRUE(made && made->writer("journal", 0.5));
  EXPECT_FALSE(made->writer("journal", 0.5));
}

}  // namespace
}  // namespace fleetgate::observe
