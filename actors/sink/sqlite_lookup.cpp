#include "actors/sink/sqlite_lookup.hpp"

#include <chrono>
#include <utility>

#include "actors/sink/sqlite_schema.hpp"
#include "actors/sqlite/database.hpp"

namespace fleetgate::sink {
namespace {

constexpr std::string_view columns_sql =
    "SELECT id, device_id, stream, topic, class, node, coalesce(trace_id, ''),"
    " coalesce(epoch, -1), coalesce(sequence, -1), received_time_ns, incarnation, position, qos"
    " FROM messages WHERE ";
constexpr std::string_view by_trace_sql = "trace_id = ?1 ORDER BY id LIMIT ?2";
constexpr std::string_view by_key_sql = "sequence = ?1 AND device_id = ?3 ORDER BY id LIMIT ?2";
constexpr std::string_view cursors_sql =
    "SELECT reader, lane, spool, incarnation, lsn FROM fleetgate_cursor";

std::optional<std::uint64_t> number_or_none(std::int64_t stored) noexcept {
  if (stored < 0) return std::nullopt;
  return static_cast<std::uint64_t>(stored);
}

model::position position_of(std::int64_t incarnation, std::int64_t lsn) noexcept {
  return {static_cast<std::uint32_t>(incarnation), static_cast<std::uint64_t>(lsn)};
}

template <class Take>
result<void> each_row(sqlite::statement& select, Take&& take) {
  for (;;) {
    const auto row = select.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    take(select);
  }
}

result<void> read_rows(sqlite::database& db, const message_name& wanted, sink_findings& found) {
  auto select = db.prepare(std::string(columns_sql) +
                           std::string(wanted.by_trace() ? by_trace_sql : by_key_sql));
  if (!select) return tl::unexpected(select.error());
  const std::string trace = to_string(wanted.trace);
  if (wanted.by_trace()) {
    select->bind_text(1, trace);
  } else {
    select->bind(1, static_cast<std::int64_t>(wanted.sequence));
    select->bind_text(3, wanted.device);
  }
  select->bind(2, static_cast<std::int64_t>(most_rows));
  return each_row(*select, [&](const sqlite::statement& row) {
    stored_row r;
    r.id = row.integer(0);
    r.device = row.bytes(1);
    r.stream = row.bytes(2);
    r.topic = row.bytes(3);
    r.cls = row.bytes(4);
    r.node = row.bytes(5);
    r.trace = row.bytes(6);
    r.epoch = number_or_none(row.integer(7));
    r.sequence = number_or_none(row.integer(8));
    r.received_time_ns = row.integer(9);
    r.at = position_of(row.integer(10), row.integer(11));
    r.qos = static_cast<int>(row.integer(12));
    found.rows.push_back(std::move(r));
  });
}

result<void> read_cursors(sqlite::database& db, sink_findings& found) {
  auto select = db.prepare(cursors_sql);
  if (!select) return tl::unexpected(select.error());
  return each_row(*select, [&](const sqlite::statement& row) {
    found.cursors.push_back({std::string(row.bytes(0)), std::string(row.bytes(1)),
                             std::string(row.bytes(2)),
                             position_of(row.integer(3), row.integer(4))});
  });
}

}  // namespace

result<sink_findings> look_up(const std::string& path, const message_name& wanted) {
  sqlite::open_options options{path, std::chrono::seconds(5), fault_code::sink_unavailable};
  options.read_only = true;
  auto db = sqlite::database::open(std::move(options));
  if (!db) return tl::unexpected(db.error());
  const auto id = db->ask_integer("PRAGMA application_id");
  if (!id) return tl::unexpected(id.error());
  if (*id != sqlite_sink_application_id) {
    return failure(fault_code::not_found, path + " is no database of an SQLite sink");
  }
  sink_findings found;
  // The cursors first: what they have passed is in the rows that are read after them.
  auto read = read_cursors(*db, found).and_then([&] { return read_rows(*db, wanted, found); });
  if (!read) return tl::unexpected(read.error());
  return found;
}

}  // namespace fleetgate::sink
