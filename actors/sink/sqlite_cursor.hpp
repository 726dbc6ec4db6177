// A reader's cursor and its account in table `fleetgate_cursor`, moved in the transaction of the
// rows. Owned by the open session of a sqlite_writer.
#pragma once

#include <optional>
#include <string>

#include "actors/contract/reader_account.hpp"
#include "actors/sqlite/database.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::sink {

/// Of table `fleetgate_cursor`: what `read_cursor_row` reads, after one column of its own.
inline constexpr const char* cursor_columns =
    "lane, spool, incarnation, lsn, ordinal, uncounted, delivered, filtered, shed, damaged,"
    " replayed";

/// Adds a row to `at` and `lanes`. Fault storage_damaged: it makes no cursor.
result<void> read_cursor_row(const sqlite::statement& row, std::optional<contract::cursor>& at,
                             contract::reader_lanes& lanes);

class sqlite_cursor {
 public:
  /// Reads what the file says. Fault storage_damaged: rows that make no cursor.
  static result<sqlite_cursor> load(sqlite::database& db, std::string reader);

  /// The reader of `spool` that has come furthest, or nothing where the file has none.
  static result<std::optional<std::string>> find_reader_of(sqlite::database& db,
                                                           const model::spool_uuid& spool);

  /// What the file said at `load`, or what was last marked as committed.
  [[nodiscard]] const std::optional<contract::cursor>& committed() const noexcept {
    return committed_;
  }

  /// The account that belongs to `committed`.
  [[nodiscard]] const contract::reader_lanes& counted() const noexcept { return counted_; }

  /// Within the caller's transaction. Fault sink_lost: the file's cursor is not the one this writer
  /// left, so another writer uses the same reader's name.
  result<void> move_to(sqlite::database& db, const contract::cursor& to,
                       const contract::reader_lanes& counts);

  void mark_committed(const contract::cursor& at, const contract::reader_lanes& counts) {
    committed_ = at;
    counted_ = counts;
  }

 private:
  result<void> read_rows(sqlite::statement& select);

  std::string reader_;
  sqlite::statement upsert_;
  std::optional<contract::cursor> committed_;
  contract::reader_lanes counted_{};
};

}  // namespace fleetgate::sink
