// A sqlite_writer on a file of its own, and blocks to write.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "actors/sink/sqlite_writer.hpp"
#include "tests/actors/sink/block_builder.hpp"
#include "tests/actors/sqlite/database_fixture.hpp"

namespace fleetgate::sink::testing {

class writer_fixture : public sqlite::testing::database_fixture {
 protected:
  [[nodiscard]] sqlite_sink_options options() const {
    sqlite_sink_options o;
    o.name = "archive";
    o.path = path();
    o.node = "node-1";
    o.busy_timeout = std::chrono::milliseconds(0);
    return o;
  }

  void open() {
    auto opened = writer_.open();
    ASSERT_TRUE(opened) << to_string(opened.error());
  }

  void write(const contract::read_block& block) {
    auto written = writer_.write(block);
    ASSERT_TRUE(written) << to_string(written.error());
  }

  [[nodiscard]] std::int64_t rows() const {
    return number(path(), "SELECT count(*) FROM messages");
  }

  /// What a new writer finds in the file.
  [[nodiscard]] std::optional<contract::cursor> cursor_in_file() const {
    sqlite_writer other(options());
    auto opened = other.open();
    if (!opened) ADD_FAILURE() << to_string(opened.error());
    return opened.value_or(std::nullopt);
  }

  block_builder blocks_;
  sqlite_writer writer_{options()};
};

}  // namespace fleetgate::sink::testing
