#include "actors/sink/sqlite_counts.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "actors/sink/sqlite_cursor.hpp"
#include "actors/sink/sqlite_schema.hpp"
#include "actors/sqlite/database.hpp"

namespace fleetgate::sink {
namespace {

result<void> check_format(sqlite::database& db) {
  const auto id = db.ask_integer("PRAGMA application_id");
  if (!id) return tl::unexpected(id.error());
  if (*id != sqlite_sink_application_id) {
    return failure(fault_code::config_invalid, db.path() + " is no database of an SQLite sink");
  }
  const auto version = db.ask_integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (*version == sqlite_sink_version) return {};
  return failure(fault_code::config_invalid,
                 db.path() + (*version < sqlite_sink_version
                                  ? " is from before sinks counted: it counts once its node runs"
                                  : " was written by a newer fleetgate"));
}

result<void> read_readers(sqlite::database& db, const std::string& name, reader_counts& into) {
  auto select = db.prepare("SELECT " + std::string(cursor_columns) +
                           " FROM fleetgate_cursor WHERE reader=?1");
  if (!select) return tl::unexpected(select.error());
  select->bind_text(1, name);
  std::optional<contract::cursor> at;
  for (;;) {
    const auto row = select->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    if (auto read = read_cursor_row(*select, at, into.lanes); !read) return read;
  }
  into.name = name;
  if (at) into.at = *at;
  return {};
}

result<std::vector<std::string>> names_of(sqlite::database& db) {
  auto select = db.prepare("SELECT DISTINCT reader FROM fleetgate_cursor ORDER BY reader LIMIT ?1");
  if (!select) return tl::unexpected(select.error());
  select->bind(1, static_cast<std::int64_t>(most_readers));
  std::vector<std::string> names;
  for (;;) {
    const auto row = select->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return names;
    names.emplace_back(select->bytes(0));
  }
}

result<void> read_all(sqlite::database& db, sqlite_counts& into) {
  const auto names = names_of(db);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (auto read = read_readers(db, name, into.readers.emplace_back()); !read) return read;
  }
  const std::pair<const char*, std::uint64_t*> numbers[] = {
      {"SELECT uncounted FROM fleetgate_rows", &into.uncounted},
      {"SELECT removed FROM fleetgate_rows", &into.removed},
      {"SELECT count(*) FROM messages", &into.rows}};
  for (const auto& [sql, value] : numbers) {
    const auto asked = db.ask_integer(sql);
    if (!asked) return tl::unexpected(asked.error());
    *value = static_cast<std::uint64_t>(*asked);
  }
  return {};
}

}  // namespace

result<sqlite_counts> read_counts(const std::string& path, const std::string& vfs) {
  std::error_code error;
  if (vfs.empty() && !std::filesystem::exists(path, error) && !error) {
    return failure(fault_code::not_found, "there is no " + path);
  }
  sqlite::open_options options{path, std::chrono::seconds(5), fault_code::sink_unavailable, vfs};
  options.read_only = true;
  auto db = sqlite::database::open(std::move(options));
  if (!db) return tl::unexpected(db.error());
  // One read transaction: everything as of one commit.
  if (auto begun = db->execute("BEGIN"); !begun) return tl::unexpected(begun.error());
  sqlite_counts found;
  auto read = check_format(*db).and_then([&] { return read_all(*db, found); });
  db->rollback();
  if (!read) return tl::unexpected(read.error());
  return found;
}

}  // namespace fleetgate::sink
