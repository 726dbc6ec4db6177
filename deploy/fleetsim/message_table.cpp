#include "deploy/fleetsim/message_table.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <memory>

namespace fleetgate::fleetsim {
namespace {

constexpr const char* all_rows =
    "SELECT device_id, epoch, sequence, class FROM messages ORDER BY id";
constexpr int busy_timeout_ms = 30'000;

struct closes {
  void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
  void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
};
using database = std::unique_ptr<sqlite3, closes>;
using statement = std::unique_ptr<sqlite3_stmt, closes>;

tl::unexpected<fault> refused(fault_code code, const std::string& path, sqlite3* db) {
  return failure(code, path + ": " + (db != nullptr ? sqlite3_errmsg(db) : "no memory") +
                           "; name the database of a gateway's sqlite sink with --sqlite");
}

std::string_view text(sqlite3_stmt* row, int column) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(row, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(row, column))};
}

std::optional<std::int64_t> number(sqlite3_stmt* row, int column) {
  if (sqlite3_column_type(row, column) != SQLITE_INTEGER) return std::nullopt;
  return sqlite3_column_int64(row, column);
}

}  // namespace

result<void> read_message_table(const std::string& path,
                                const std::function<void(const table_row&)>& visit) {
  if (::access(path.c_str(), F_OK) != 0) {
    return failure(fault_code::not_found,
                   path + ": there is no such file; a gateway's sink makes it with its first row");
  }
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READONLY, nullptr);
  const database db(handle);
  if (opened != SQLITE_OK) return refused(fault_code::storage_io, path, db.get());
  sqlite3_busy_timeout(db.get(), busy_timeout_ms);
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(db.get(), all_rows, -1, &prepared, nullptr) != SQLITE_OK) {
    return refused(fault_code::config_invalid, path, db.get());
  }
  const statement rows(prepared);
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(rows.get())) == SQLITE_ROW) {
    sqlite3_stmt* const row = rows.get();
    visit({text(row, 0), number(row, 1), number(row, 2), text(row, 3)});
  }
  if (step != SQLITE_DONE) return refused(fault_code::storage_io, path, db.get());
  return {};
}

}  // namespace fleetgate::fleetsim
