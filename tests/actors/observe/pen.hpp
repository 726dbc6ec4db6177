// A pen of the flight recorder in a directory of its own, and what was noted with it. For the tests
// of those who note.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "actors/observe/trace_reader.hpp"
#include "actors/observe/trace_writer.hpp"

namespace fleetgate::observe::testing {

class pen {
 public:
  static constexpr std::uint64_t records_of_a_ring = 64;

  pen() {
    std::string pattern = ::testing::TempDir() + "penXXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~pen() { std::filesystem::remove_all(directory_); }
  pen(const pen&) = delete;
  pen& operator=(const pen&) = delete;

  /// For whom is tested; once.
  [[nodiscard]] trace_writer writer() const {
    auto made = trace_writer::create(
        path(), {"node-1", "tested", 0, 1, records_of_a_ring, records_of_a_ring});
    EXPECT_TRUE(made) << to_string(made.error());
    return made ? std::move(*made) : trace_writer();
  }

  /// All of it, anomalies first, each ring in the order in which it was written.
  [[nodiscard]] std::vector<trace_record> noted() const {
    std::vector<trace_record> all;
    const auto read = read_trace_file(path(), [&](trace_record r) { all.push_back(std::move(r)); });
    EXPECT_TRUE(read) << to_string(read.error());
    return all;
  }
  [[nodiscard]] std::vector<trace_record> noted(model::trace_event event) const {
    auto all = noted();
    std::erase_if(all, [&](const trace_record& r) { return r.note.event != event; });
    return all;
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ + "/tested.ring"; }

  std::string directory_;
};

}  // namespace fleetgate::observe::testing
