// Whose file it is and which version: makes a new file ours, accepts one of ours, and leaves
// everybody else's untouched.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "actors/sqlite/database.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::sqlite {

struct file_format {
  std::string_view name;            // "fleetgate sink", for messages
  std::int32_t application_id = 0;  // of the file's header; never 0
  std::int32_t version = 0;         // user_version of the file's header; from 1
  const char* pragmas_when_new;     // before anything is written (page_size)
  const char* schema;               // idempotent: CREATE ... IF NOT EXISTS
  /// The n-th takes a file of version n, counted from 1, to the next one.
  std::span<const char* const> upgrades{};
};

/// Checks the file, then sets WAL with synchronous=FULL, makes durable what a log that was left
/// behind holds, takes an older file to this version, and makes the schema. Fault config_invalid:
/// the file belongs to another program or to a newer fleetgate, or cannot have a write-ahead log;
/// it was not written to.
result<void> adopt(database& db, const file_format& format);

}  // namespace fleetgate::sqlite
