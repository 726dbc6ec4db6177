// Writes messages into a local SQLite file (docs/reference/sqlite.md), appending rows and moving
// the reader's cursor in the same transaction: effectively once without a unique index.
// Owned by one sink actor, used on its thread only. Limit: options.retention_*.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "actors/sink/sink_writer.hpp"

namespace fleetgate::sink {

struct sqlite_sink_options {
  std::string name;                       // the reader, in table fleetgate_cursor
  std::string path;                       // its directory must exist
  std::uint64_t retention_bytes = 0;      // of live data in the file; 0: no limit
  std::chrono::seconds retention_age{0};  // by received_time_ns; 0: no limit
  std::string node;                       // column `node`
  std::chrono::milliseconds busy_timeout{1000};
  std::string vfs{};  // sqlite::open_options::vfs
  /// What this reader reads. Where the file holds another reader's position in it and none of
  /// this one, the rows are there under the other's name. Nothing: not looked at.
  std::optional<model::spool_uuid> spool{};
};

class sqlite_writer final : public sink_writer {
 public:
  explicit sqlite_writer(sqlite_sink_options options);
  ~sqlite_writer() override;

  /// Faults: sink_unavailable (locked, cannot be opened), storage_full, storage_io, storage_damaged
  /// (not a database, or a cursor that cannot be read), would_duplicate (the sink has another name
  /// now), config_invalid (another program's file, or
  /// a newer schema), sink_lost (replaced meanwhile; or moved away before, so that its log was set
  /// aside now and the next call begins a new file).
  result<std::optional<contract::cursor>> open() override;

  /// Faults: those of `open`; sink_rejected where the database refuses a row, naming its position;
  /// sink_lost where the file was moved, deleted or replaced, or where somebody else has moved this
  /// reader's cursor.
  result<contract::missed_by_lane> write(const contract::read_block& block) override;

  result<std::uint64_t> enforce_retention(std::int64_t now_unix_ns) override;

  void close() override;

 private:
  struct session;  // everything that lives only while the file is open

  result<std::unique_ptr<session>> start_session();
  tl::unexpected<fault> give_up(fault f);
  std::string end_session();

  const sqlite_sink_options options_;
  std::unique_ptr<session> session_;
};

}  // namespace fleetgate::sink
