// What the configuration's tests share: a text with one listener to start from, errors as lines,
// and a directory of their own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "actors/node/config_file.hpp"

namespace fleetgate::node {

/// A listener, so that the whole is right; `rest` begins at line 3.
inline std::string with_listener(const std::string& rest) {
  return "[[listener]]\nname = \"mqtt\"\n" + rest;
}

inline std::vector<std::string> lines_of(const config_result& r) {
  std::vector<std::string> lines;
  if (r) return lines;
  for (const config_error& e : r.error()) lines.push_back(to_string(e));
  return lines;
}

/// The errors of `text` as f.toml; empty where it is right.
inline std::vector<std::string> errors_of(const std::string& text) {
  return lines_of(parse_config(text, "f.toml"));
}

inline config valid(const std::string& text) {
  const config_result r = parse_config(text, "f.toml");
  EXPECT_THAT(lines_of(r), testing::IsEmpty());
  return r ? *r : config{};
}

class temporary_directory {
 public:
  temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "fleetgate-XXXXXX").string();
    path_ = mkdtemp(name.data()) == nullptr ? "" : name;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }

  /// Writes a file and returns its path; directories on the way are made.
  std::string write(const std::string& name, const std::string& text) const {
    const auto path = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace fleetgate::node
