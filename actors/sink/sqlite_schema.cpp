#include "actors/sink/sqlite_schema.hpp"

namespace fleetgate::sink {
namespace {

// Version 2 counts. What a file of version 1 holds has been counted by nobody: that is what
// `uncounted` says, of rows by the schema below, of each lane when its cursor moves next.
constexpr const char* upgrades[] = {R"sql(
ALTER TABLE fleetgate_cursor ADD COLUMN ordinal INTEGER;
ALTER TABLE fleetgate_cursor ADD COLUMN uncounted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fleetgate_cursor ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fleetgate_cursor ADD COLUMN filtered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fleetgate_cursor ADD COLUMN shed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fleetgate_cursor ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fleetgate_cursor ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0;
)sql"};

}  // namespace

// `id` is spelled out because VACUUM may renumber rows that have only the implicit rowid. There is
// no other index: appending costs a twentieth of what a unique index does, and the cursor makes
// one unnecessary.
const sqlite::file_format sqlite_sink_format{"fleetgate's SQLite sink",
                                             sqlite_sink_application_id,
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
  ordinal INTEGER,
  uncounted INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  filtered INTEGER NOT NULL DEFAULT 0,
  shed INTEGER NOT NULL DEFAULT 0,
  damaged INTEGER NOT NULL DEFAULT 0,
  replayed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(reader, lane)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fleetgate_rows(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  uncounted INTEGER NOT NULL,
  removed INTEGER NOT NULL
);
INSERT INTO fleetgate_rows(id, uncounted, removed)
  SELECT 1, (SELECT count(*) FROM messages), 0 WHERE NOT EXISTS (SELECT 1 FROM fleetgate_rows);
)sql",
                                             upgrades};

// secure_delete=FAST: Debian's SQLite zeroes freed pages by default, which doubles what retention
// writes. journal_size_limit: a log that a long reader has made grow shrinks again.
const char* const sqlite_sink_pragmas =
    "PRAGMA cache_size=-8192;"
    "PRAGMA secure_delete=FAST;"
    "PRAGMA wal_autocheckpoint=1000;"
    "PRAGMA journal_size_limit=67108864";

}  // namespace fleetgate::sink
