#include "actors/sqlite/fault_of.hpp"

#include <sqlite3.h>

namespace fleetgate::sqlite {

fault_code fault_code_of(int code, fault_code unavailable) noexcept {
  if (code == SQLITE_READONLY_DBMOVED) return fault_code::sink_lost;
  // SQLite's codes are integers and grow with its versions, so this switch has a default.
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return fault_code::storage_full;
    case SQLITE_IOERR:
      return fault_code::storage_io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fault_code::storage_damaged;
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return fault_code::sink_rejected;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return unavailable == fault_code::storage_io ? fault_code::storage_busy : unavailable;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_INTERRUPT:
    case SQLITE_ABORT:
    case SQLITE_NOMEM:
    case SQLITE_SCHEMA:
      return unavailable;
    default:
      return fault_code::internal;
  }
}

}  // namespace fleetgate::sqlite
