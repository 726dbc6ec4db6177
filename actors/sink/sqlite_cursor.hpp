// A reader's cursor in table `fleetgate_cursor`, moved in the transaction of the rows. Owned by the
// open session of a sqlite_writer.
#pragma once

#include <optional>
#include <string>

#include "actors/contract/spool_reader.hpp"
#include "actors/sqlite/database.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::sink {

class sqlite_cursor {
 public:
  /// Reads what the file says. Fault storage_damaged: rows that make no cursor.
  static result<sqlite_cursor> load(sqlite::database& db, std::string reader);

  /// What the file said at `load`, or what was last marked as committed.
  [[nodiscard]] const std::optional<contract::cursor>& committed() const noexcept {
    return committed_;
  }

  /// Within the caller's transaction. Fault sink_lost: the file's cursor is not the one this writer
  /// left, so another writer uses the same reader's name.
  result<void> move_to(sqlite::database& db, const contract::cursor& to);

  void mark_committed(const contract::cursor& at) { committed_ = at; }

 private:
  result<void> read_rows(sqlite::statement& select);

  std::string reader_;
  sqlite::statement upsert_;
  std::optional<contract::cursor> committed_;
};

}  // namespace fleetgate::sink
