#include "actors/sink/sqlite_schema.hpp"

namespace fleetgate::sink {

// `id` is spelled out because VACUUM may renumber rows that have only the implicit rowid. There is
// no other index: appending costs a twentieth of what a unique index does, and the cursor makes
// one unnecessary.
const sqlite::file_format sqlite_sink_format{"fleetgate's SQLite sink", sqlite_sink_application_id,
                                             sqlite_sink_version,
                                             "PRAGMA page_size=16384;PRAGMA auto_vacuum=NONE",
                                             R"sql(
CREATE TABLE IF NOT EXISTS messages(
  id INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  stream TEXT NOT NULL,
  epoch INTEGER,
  sequence INTEGER,
  trace_id TEXT,
  class TEXT NOT NULL,
  topic TEXT NOT NULL,
  content_type TEXT,
  device_time_ns INTEGER,
  received_time_ns INTEGER NOT NULL,
  node TEXT NOT NULL,
  incarnation INTEGER NOT NULL,
  position INTEGER NOT NULL,
  tenant TEXT,
  client_id TEXT,
  qos INTEGER NOT NULL,
  attributes TEXT,
  payload
);
CREATE TABLE IF NOT EXISTS fleetgate_cursor(
  reader TEXT NOT NULL,
  lane TEXT NOT NULL,
  spool TEXT NOT NULL,
  incarnation INTEGER NOT NULL,
  lsn INTEGER NOT NULL,
  PRIMARY KEY(reader, lane)
) WITHOUT ROWID;
)sql"};

// secure_delete=FAST: Debian's SQLite zeroes freed pages by default, which doubles what retention
// writes. journal_size_limit: a log that a long reader has made grow shrinks again.
const char* const sqlite_sink_pragmas =
    "PRAGMA cache_size=-8192;"
    "PRAGMA secure_delete=FAST;"
    "PRAGMA wal_autocheckpoint=1000;"
    "PRAGMA journal_size_limit=67108864";

}  // namespace fleetgate::sink
