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
  flight_recorder serve() {
    auto made = start();
    EXPECT_TRUE(made && made->keep());
    return made ? std::move(*made) : flight_recorder();
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
    auto made = start();
    ASSERT_TRUE(made) << to_string(made.error());
    ASSERT_TRUE(made->writer("journal", 1));
    ASSERT_TRUE(made->keep());
  }
  EXPECT_THAT(entries(), ElementsAre("10", "11", "8", "9"));
}

TEST_F(flight_recorder_test, starts_that_do_not_serve_take_nothing_away) {
  for (int i = 0; i < 4; ++i) serve();
  for (int i = 0; i < 6; ++i) {
    auto given_up = start();
    ASSERT_TRUE(given_up && given_up->writer("journal", 1));
    given_up->discard();
    auto killed = start();
    ASSERT_TRUE(killed && killed->writer("journal", 1));
  }
  EXPECT_THAT(entries(), ElementsAre("1", "2", "3", "4", "starting"));
  serve();
  EXPECT_THAT(entries(), ElementsAre("2", "3", "4", "5"));
}

TEST_F(flight_recorder_test, what_was_written_before_it_serves_is_kept) {
  auto made = start();
  ASSERT_TRUE(made);
  auto journal = made->writer("journal", 1);
  ASSERT_TRUE(journal);
  journal->write(note(model::trace_event::refused, 7), 2000);
  ASSERT_TRUE(made->keep());
  journal->write(note(model::trace_event::refused, 8), 2000);
  trace_file_report report;
  EXPECT_THAT(sequences(recordings_in(data_dir_) + "/1/journal.ring", report), ElementsAre(7, 8));
}

TEST_F(flight_recorder_test, leaves_alone_what_is_not_its_own) {
  serve();
  std::filesystem::create_directory(recordings_in(data_dir_) + "/saved-by-a-person");
  for (int i = 0; i < 5; ++i) serve();
  EXPECT_EQ(entries().count("saved-by-a-person"), 1u);
}

TEST_F(flight_recorder_test, files_have_their_whole_size_at_once) {
  auto made = serve();
  ASSERT_TRUE(made.writer("journal", 0.5) && made.writer("shard-0", 0.5));
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
  auto made = start();
  ASSERT_TRUE(made && made->writer("journal", 0.5));
  EXPECT_FALSE(made->writer("journal", 0.5));
  const auto later = made->writer("shard-0", 0.5);
  ASSERT_TRUE(later) << "the fault was told once";
  EXPECT_FALSE(later->is_open());
}

}  // namespace
}  // namespace fleetgate::observe
