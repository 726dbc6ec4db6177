#include "actors/sink/sqlite_cursor.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace fleetgate::sink {
namespace {

// ?6 to ?8 are what this writer left there. Where the row says something else, nothing changes.
constexpr std::string_view upsert_sql =
    "INSERT INTO fleetgate_cursor(reader, lane, spool, incarnation, lsn, ordinal, uncounted,"
    " delivered, filtered, shed, damaged, replayed)"
    " VALUES(?1,?2,?3,?4,?5,?9,?10,?11,?12,?13,?14,?15)"
    " ON CONFLICT(reader, lane) DO UPDATE SET spool=?3, incarnation=?4, lsn=?5, ordinal=?9,"
    " uncounted=?10, delivered=?11, filtered=?12, shed=?13, damaged=?14, replayed=?15"
    " WHERE spool=?6 AND incarnation=?7 AND lsn=?8";

constexpr std::array<model::lane, model::lane_count> all_lanes = [] {
  std::array<model::lane, model::lane_count> lanes{};
  for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] = static_cast<model::lane>(i);
  return lanes;
}();

std::optional<model::lane> parse_lane(std::string_view name) {
  const auto found = std::find_if(all_lanes.begin(), all_lanes.end(),
                                  [&](model::lane l) { return model::to_string(l) == name; });
  if (found == all_lanes.end()) return std::nullopt;
  return *found;
}

void bind_counts(sqlite::statement& upsert, const contract::reader_lane& lane) {
  constexpr int ordinal_at = 9;
  if (lane.ordinal)
    upsert.bind(ordinal_at, static_cast<std::int64_t>(*lane.ordinal));
  else
    upsert.bind_null(ordinal_at);
  int at = ordinal_at;
  for (const std::uint64_t count :
       {lane.uncounted, lane.delivered, lane.filtered, lane.shed, lane.damaged, lane.replayed}) {
    upsert.bind(++at, static_cast<std::int64_t>(count));
  }
}

}  // namespace

result<void> read_cursor_row(const sqlite::statement& row, std::optional<contract::cursor>& at,
                             contract::reader_lanes& lanes) {
  const auto lane = parse_lane(row.bytes(0));
  const auto spool = model::parse_spool_uuid(row.bytes(1));
  const std::int64_t incarnation = row.integer(2);
  const std::int64_t lsn = row.integer(3);
  if (!lane || !spool || lsn < 0 || incarnation < 0 ||
      incarnation > std::numeric_limits<std::uint32_t>::max()) {
    return failure(fault_code::storage_damaged, "a row that is no position in a spool");
  }
  if (!at) at.emplace().spool = *spool;
  if (at->spool != *spool) {
    return failure(fault_code::storage_damaged, "its lanes name different spools");
  }
  at->lanes[model::index(*lane)] = {static_cast<std::uint32_t>(incarnation),
                                    static_cast<std::uint64_t>(lsn)};
  contract::reader_lane& into = lanes[model::index(*lane)];
  constexpr int ordinal_at = 4;
  if (!row.bytes(ordinal_at).empty()) {
    into.ordinal = static_cast<std::uint64_t>(row.integer(ordinal_at));
  }
  int column = ordinal_at;
  for (std::uint64_t* count : {&into.uncounted, &into.delivered, &into.filtered, &into.shed,
                               &into.damaged, &into.replayed}) {
    *count = static_cast<std::uint64_t>(row.integer(++column));
  }
  return {};
}

result<sqlite_cursor> sqlite_cursor::load(sqlite::database& db, std::string reader) {
  sqlite_cursor loaded;
  loaded.reader_ = std::move(reader);
  auto upsert = db.prepare(upsert_sql);
  if (!upsert) return tl::unexpected(std::move(upsert.error()));
  loaded.upsert_ = std::move(*upsert);
  auto select = db.prepare("SELECT " + std::string(cursor_columns) +
                           " FROM fleetgate_cursor WHERE reader=?1");
  if (!select) return tl::unexpected(std::move(select.error()));
  select->bind_text(1, loaded.reader_);
  if (auto read = loaded.read_rows(*select); !read) {
    read.error().detail.insert(0, db.path() + ": cursor of " + loaded.reader_ + ": ");
    return tl::unexpected(std::move(read.error()));
  }
  return loaded;
}

result<std::optional<std::string>> sqlite_cursor::find_reader_of(sqlite::database& db,
                                                                 const model::spool_uuid& spool) {
  auto select = db.prepare(
      "SELECT reader FROM fleetgate_cursor WHERE spool=?1 GROUP BY reader"
      " ORDER BY max(incarnation) DESC, sum(lsn) DESC LIMIT 1");
  if (!select) return tl::unexpected(std::move(select.error()));
  const std::string name = model::to_string(spool);
  select->bind_text(1, name);
  const auto row = select->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  return std::string(select->bytes(0));
}

result<void> sqlite_cursor::read_rows(sqlite::statement& select) {
  for (;;) {
    auto row = select.step();
    if (!row) return tl::unexpected(std::move(row.error()));
    if (!*row) return {};
    if (auto read = read_cursor_row(select, committed_, counted_); !read) return read;
  }
}

result<void> sqlite_cursor::move_to(sqlite::database& db, const contract::cursor& to,
                                    const contract::reader_lanes& counts) {
  const contract::cursor from = committed_.value_or(contract::cursor{});
  const std::string to_spool = model::to_string(to.spool);
  const std::string from_spool = model::to_string(from.spool);
  for (const model::lane lane : all_lanes) {
    const model::position& was = from.lanes[model::index(lane)];
    const model::position& is = to.lanes[model::index(lane)];
    // The first time every lane gets its row, so that two writers of one name meet at once.
    if (committed_ && was == is && from.spool == to.spool) continue;
    upsert_.bind_text(1, reader_);
    upsert_.bind_text(2, model::to_string(lane));
    upsert_.bind_text(3, to_spool);
    upsert_.bind(4, is.incarnation);
    upsert_.bind(5, static_cast<std::int64_t>(is.lsn));
    upsert_.bind_text(6, from_spool);
    upsert_.bind(7, was.incarnation);
    upsert_.bind(8, static_cast<std::int64_t>(was.lsn));
    bind_counts(upsert_, counts[model::index(lane)]);
    if (auto moved = upsert_.run(); !moved) return moved;
    if (db.changes() != 1) {
      return failure(fault_code::sink_lost,
                     db.path() + ": the cursor of " + reader_ +
                         " was moved by somebody else: does another gateway write to this file?");
    }
  }
  return {};
}

}  // namespace fleetgate::sink
