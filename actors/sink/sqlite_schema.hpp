// The tables of the SQLite sink (docs/reference/sqlite.md), and what is set on each connection.
#pragma once

#include "actors/sqlite/file_format.hpp"

namespace fleetgate::sink {

inline constexpr std::int32_t sqlite_sink_version = 2;
/// "FLGT"
inline constexpr std::int32_t sqlite_sink_application_id = 0x464C4754;

extern const sqlite::file_format sqlite_sink_format;

/// Per connection, after the file was adopted.
extern const char* const sqlite_sink_pragmas;

}  // namespace fleetgate::sink
