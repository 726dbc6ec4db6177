// A directory for the recordings of one test; removed with it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "actors/observe/flight_recorder.hpp"
#include "actors/observe/trace_reader.hpp"

namespace fleetgate::observe {

class recording_test : public testing::Test {
 protected:
  recording_test() {
    std::string pattern = testing::TempDir() + "recordingXXXXXX";
    data_dir_ = ::mkdtemp(pattern.data());
  }
  ~recording_test() override { std::filesystem::remove_all(data_dir_); }

  trace_writer make(const std::string& name, std::uint64_t anomalies,
                    std::uint64_t ordinary) const {
    auto made = trace_writer::create(path(name), {"node-1", name, 1000, 3, anomalies, ordinary});
    EXPECT_TRUE(made) << to_string(made.error());
    return made ? std::move(*made) : trace_writer();
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return data_dir_ + "/" + name + ".ring";
  }

  static trace_note note(model::trace_event event, std::uint64_t sequence) {
    trace_note n;
    n.event = event;
    n.sequence = sequence;
    return n;
  }

  /// The sequences of what can be read, sorted.
  static std::vector<std::uint64_t> sequences(const std::string& file, trace_file_report& report) {
    std::vector<std::uint64_t> all;
    auto read = read_trace_file(
        file, [&](const trace_record& r) { all.push_back(r.note.sequence.value_or(0)); });
    EXPECT_TRUE(read) << to_string(read.error());
    if (read) report = std::move(*read);
    std::sort(all.begin(), all.end());
    return all;
  }

  std::string data_dir_;
};

}  // namespace fleetgate::observe
