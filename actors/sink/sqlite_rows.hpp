// Appends envelopes to table `messages`. Allocates nothing per row: values are bound where they
// lie. Owned by the open session of a sqlite_writer.
#pragma once

#include <array>
#include <string_view>

#include "actors/contract/spool_reader.hpp"
#include "actors/sqlite/database.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::sink {

class sqlite_rows {
 public:
  /// `node` must outlive this.
  static result<sqlite_rows> prepare(sqlite::database& db, std::string_view node);

  /// Within the caller's transaction.
  /// Fault sink_rejected names the record's position.
  result<void> append(const contract::stored_record& record);

 private:
  void bind(const contract::stored_record& record, std::string_view trace_hex);

  sqlite::statement insert_;
};

}  // namespace fleetgate::sink
