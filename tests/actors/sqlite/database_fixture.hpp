// A directory of its own for each test, and a look into a database file as a person would take it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "actors/sqlite/database.hpp"

namespace fleetgate::sqlite::testing {

class database_fixture : public ::testing::Test {
 protected:
  database_fixture() {
    const auto* const info = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() /
                 ("fleetgate-" + std::to_string(::getpid()) + "-" + info->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~database_fixture() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name = "fleet.db") const {
    return (directory_ / name).string();
  }

  /// Removes the database and what lies beside it.
  static void remove_database(const std::string& file) {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file + suffix);
  }

  static database connect(const std::string& file) {
    auto db = database::open({file, std::chrono::milliseconds(0), fault_code::sink_unavailable});
    if (!db) ADD_FAILURE() << to_string(db.error());
    return std::move(*db);
  }

  static void execute(const std::string& file, const char* sql) {
    auto db = connect(file);
    auto done = db.execute(sql);
    ASSERT_TRUE(done) << to_string(done.error());
  }

  static std::int64_t number(const std::string& file, std::string_view sql) {
    auto db = connect(file);
    auto value = db.ask_integer(sql);
    if (!value) ADD_FAILURE() << to_string(value.error());
    return value.value_or(-1);
  }

  static std::string text(const std::string& file, std::string_view sql) {
    auto db = connect(file);
    auto value = db.ask_text(sql);
    if (!value) ADD_FAILURE() << to_string(value.error());
    return value.value_or("");
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace fleetgate::sqlite::testing
