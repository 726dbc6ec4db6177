// Removes the oldest rows of table `messages`, a bounded number at a time. Freed pages are used
// again by later rows; the file does not shrink. Owned by the open session of a sqlite_writer.
#pragma once

#include <chrono>
#include <cstdint>

#include "actors/sqlite/database.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::sink {

/// What one call removes at most, rows and (about) bytes: twice a full batch, so that one call
/// after each write keeps up, and done in some ten milliseconds.
inline constexpr std::int64_t retention_step_rows = 8192;
inline constexpr std::int64_t retention_step_bytes = 16 * 1024 * 1024;

struct retention_limits {
  std::uint64_t bytes = 0;  // pages in use; 0: no limit
  std::chrono::seconds age{0};
};

class sqlite_retention {
 public:
  static result<sqlite_retention> prepare(sqlite::database& db, retention_limits limits);

  /// One step, in a transaction of its own, in which it counts what it removed. The newest row
  /// always stays, so that `id` never starts again.
  result<std::uint64_t> step(sqlite::database& db, std::int64_t now_unix_ns);

 private:
  struct usage {
    std::int64_t bytes = 0;      // of pages in use
    std::int64_t row_bytes = 1;  // on average, never 0
    std::int64_t step_rows = 1;  // what one step may remove
  };
  result<usage> measure();
  result<std::uint64_t> remove_old(sqlite::database& db, std::int64_t now_unix_ns);
  result<bool> pass_future(std::int64_t rows, std::int64_t now_unix_ns);
  result<std::uint64_t> remove_surplus(sqlite::database& db);
  result<std::uint64_t> remove(sqlite::database& db, sqlite::statement& oldest);

  retention_limits limits_;
  sqlite::statement delete_old_;
  sqlite::statement last_of_the_future_;
  sqlite::statement delete_oldest_;
  sqlite::statement count_removed_;
  sqlite::statement usage_;
  sqlite::statement id_range_;
  /// Up to here rows have times in the future, from a clock that was ahead: they are looked at
  /// again once the latest of these times is old, too.
  std::int64_t future_up_to_id_ = 0;
  std::int64_t future_up_to_ns_ = 0;
};

}  // namespace fleetgate::sink
