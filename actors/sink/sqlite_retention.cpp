#include "actors/sink/sqlite_retention.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace fleetgate::sink {
namespace {

// Rows lie nearly in the order of their receive times: lanes are interleaved when they are read,
// and a replay may bring older ones. So the oldest rows by id are looked at, and the old among them
// go; a row with a time in the future holds up nothing but itself.
constexpr std::string_view delete_old_sql =
    "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id > ?3 ORDER BY id LIMIT ?1)"
    " AND received_time_ns < ?2 AND id < (SELECT max(id) FROM messages)";

// The last of the same rows and their latest time, where all of them have times in the future; else
// NULL.
constexpr std::string_view last_of_the_future_sql =
    "SELECT CASE WHEN min(received_time_ns) > ?2 THEN max(id) END, max(received_time_ns) FROM"
    " (SELECT id, received_time_ns FROM messages WHERE id > ?3 ORDER BY id LIMIT ?1)";

/// Rows of a clock that was ahead are passed over in one step up to this many times.
constexpr int passes_per_step = 16;

constexpr std::string_view delete_oldest_sql =
    "DELETE FROM messages WHERE id IN (SELECT id FROM messages ORDER BY id LIMIT ?1)"
    " AND id < (SELECT max(id) FROM messages)";

constexpr std::string_view usage_sql =
    "SELECT (page_count - freelist_count) * page_size"
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

constexpr std::string_view id_range_sql =
    "SELECT (SELECT max(id) FROM messages) - (SELECT min(id) FROM messages) + 1";

constexpr std::string_view count_removed_sql = "UPDATE fleetgate_rows SET removed = removed + ?1";

/// The first column of the only row.
result<std::int64_t> ask(sqlite::statement& statement) {
  auto row = statement.step();
  if (!row) return tl::unexpected(std::move(row.error()));
  const std::int64_t value = *row ? statement.integer(0) : 0;
  statement.reset();
  return value;
}

}  // namespace

result<sqlite_retention> sqlite_retention::prepare(sqlite::database& db, retention_limits limits) {
  sqlite_retention retention;
  retention.limits_ = limits;
  const std::pair<sqlite::statement*, std::string_view> wanted[] = {
      {&retention.delete_old_, delete_old_sql},
      {&retention.last_of_the_future_, last_of_the_future_sql},
      {&retention.delete_oldest_, delete_oldest_sql},
      {&retention.count_removed_, count_removed_sql},
      {&retention.usage_, usage_sql},
      {&retention.id_range_, id_range_sql},
  };
  for (const auto& [statement, sql] : wanted) {
    auto prepared = db.prepare(sql);
    if (!prepared) return tl::unexpected(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }
  return retention;
}

result<std::uint64_t> sqlite_retention::step(sqlite::database& db, std::int64_t now_unix_ns) {
  auto removed = remove_surplus(db);
  if (!removed || *removed != 0) return removed;
  return remove_old(db, now_unix_ns);
}

result<std::uint64_t> sqlite_retention::remove_old(sqlite::database& db, std::int64_t now_unix_ns) {
  if (limits_.age.count() == 0) return 0;
  const auto now_in_use = measure();
  if (!now_in_use) return tl::unexpected(now_in_use.error());
  const auto age_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(limits_.age).count();
  if (now_unix_ns - age_ns > future_up_to_ns_) future_up_to_id_ = future_up_to_ns_ = 0;
  for (int pass = 0; pass != passes_per_step; ++pass) {
    delete_old_.bind(1, now_in_use->step_rows);
    delete_old_.bind(2, now_unix_ns - age_ns);
    delete_old_.bind(3, future_up_to_id_);
    const auto removed = remove(db, delete_old_);
    if (!removed || *removed != 0) return removed;
    const auto passed = pass_future(now_in_use->step_rows, now_unix_ns);
    if (!passed) return tl::unexpected(passed.error());
    if (!*passed) return 0;
  }
  return 0;
}

/// False where not all of the next rows have times in the future.
result<bool> sqlite_retention::pass_future(std::int64_t rows, std::int64_t now_unix_ns) {
  last_of_the_future_.bind(1, rows);
  last_of_the_future_.bind(2, now_unix_ns);
  last_of_the_future_.bind(3, future_up_to_id_);
  const auto row = last_of_the_future_.step();
  if (!row) return tl::unexpected(row.error());
  const std::int64_t last = *row ? last_of_the_future_.integer(0) : 0;
  if (last != 0) {
    future_up_to_id_ = last;
    future_up_to_ns_ = std::max(future_up_to_ns_, last_of_the_future_.integer(1));
  }
  last_of_the_future_.reset();
  return last != 0;
}

result<std::uint64_t> sqlite_retention::remove_surplus(sqlite::database& db) {
  if (limits_.bytes == 0) return 0;
  const auto now_in_use = measure();
  if (!now_in_use) return tl::unexpected(now_in_use.error());
  const auto limit = static_cast<std::int64_t>(limits_.bytes);
  const std::int64_t surplus = now_in_use->bytes - limit;
  if (surplus <= 0) return 0;
  delete_oldest_.bind(1, std::min(surplus / now_in_use->row_bytes + 1, now_in_use->step_rows));
  return remove(db, delete_oldest_);
}

result<std::uint64_t> sqlite_retention::remove(sqlite::database& db, sqlite::statement& oldest) {
  std::int64_t removed = 0;
  auto done = sqlite::in_transaction(db, [&]() -> result<void> {
    if (auto ran = oldest.run(); !ran) return ran;
    removed = db.changes();
    if (removed == 0) return {};
    count_removed_.bind(1, removed);
    return count_removed_.run();
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  return static_cast<std::uint64_t>(removed);
}

result<sqlite_retention::usage> sqlite_retention::measure() {
  const auto bytes = ask(usage_);
  if (!bytes) return tl::unexpected(bytes.error());
  const auto rows = ask(id_range_);
  if (!rows) return tl::unexpected(rows.error());
  usage u;
  u.bytes = *bytes;
  u.row_bytes = std::max<std::int64_t>(1, *bytes / std::max<std::int64_t>(1, *rows));
  u.step_rows =
      std::clamp<std::int64_t>(retention_step_bytes / u.row_bytes, 1, retention_step_rows);
  return u;
}

}  // namespace fleetgate::sink
