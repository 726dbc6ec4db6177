#include "actors/sink/sqlite_writer.hpp"

#include <utility>

#include "actors/sink/sqlite_cursor.hpp"
#include "actors/sink/sqlite_retention.hpp"
#include "actors/sink/sqlite_rows.hpp"
#include "actors/sink/sqlite_schema.hpp"
#include "actors/sqlite/database.hpp"
#include "actors/sqlite/file_watch.hpp"

namespace fleetgate::sink {
namespace {

/// Of a log that its database needs.
std::string tell_of(const result<std::string>& left) {
  if (!left) return "; " + to_string(left.error());
  if (left->empty()) return {};
  return "; the newest rows of the file that was there are in " + *left +
         ": before that file is opened again, rename it to the file's name with -wal behind it";
}

}  // namespace

// The database comes first, so that it is closed last.
struct sqlite_writer::session {
  sqlite::database db;
  sqlite::file_watch files;
  sqlite_rows rows;
  sqlite_cursor cursor;
  sqlite_retention retention;

  [[nodiscard]] result<void> check_in_place() const {
    if (files.in_place()) return {};
    return failure(fault_code::sink_lost,
                   db.path() + " was moved, deleted or replaced while it was open");
  }

  /// `counts`: the reader's account with this block.
  result<contract::missed_by_lane> write_block(const contract::read_block& block,
                                               contract::reader_lanes& counts) {
    contract::missed_by_lane missed{};
    contract::lane_ordinals delivered{}, filtered{};
    for (const contract::stored_record& record : block.records) {
      if (!is_deliverable(record)) {
        ++filtered[model::index(record.in)];
        continue;
      }
      if (auto appended = rows.append(record); !appended) return tl::unexpected(appended.error());
      ++delivered[model::index(record.in)];
    }
    for (std::size_t i = 0; i < model::lane_count; ++i) {
      if (block.passed[i].through != 0) {
        missed[i] = counts[i].pass(block.passed[i], delivered[i], filtered[i]);
      }
      if (block.back_to && moves(block, i)) counts[i].go_back((*block.back_to)[i]);
    }
    auto done = cursor.move_to(db, block.end, counts);
    // What would go to a file that nobody finds again must not even be committed there.
    if (done) done = check_in_place();
    if (!done) return tl::unexpected(std::move(done.error()));
    return missed;
  }

  [[nodiscard]] bool moves(const contract::read_block& block, std::size_t lane) const {
    const auto& from = cursor.committed();
    return from && from->lanes[lane] != block.end.lanes[lane];
  }
};

sqlite_writer::sqlite_writer(sqlite_sink_options options) : options_(std::move(options)) {}

sqlite_writer::~sqlite_writer() {
  close();
}

result<std::optional<contract::cursor>> sqlite_writer::open() {
  close();
  auto started = start_session();
  if (!started) return tl::unexpected(std::move(started.error()));
  session_ = std::move(*started);
  return session_->cursor.committed();
}

result<std::unique_ptr<sqlite_writer::session>> sqlite_writer::start_session() {
  auto s = std::make_unique<session>();
  auto db = sqlite::database::open(
      {options_.path, options_.busy_timeout, fault_code::sink_unavailable, options_.vfs});
  if (!db) return tl::unexpected(std::move(db.error()));
  s->db = std::move(*db);
  const std::string left = tell_of(sqlite::file_watch::set_aside_left_log(s->db));
  if (!left.empty()) {
    return failure(fault_code::sink_lost,
                   options_.path + " was moved or deleted, not its log" + left);
  }
  if (auto ours = sqlite::adopt(s->db, sqlite_sink_format); !ours) {
    return tl::unexpected(std::move(ours.error()));
  }
  if (auto set = s->db.execute(sqlite_sink_pragmas); !set) {
    return tl::unexpected(std::move(set.error()));
  }
  auto rows = sqlite_rows::prepare(s->db, options_.node);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  s->rows = std::move(*rows);
  auto cursor = sqlite_cursor::load(s->db, options_.name);
  if (!cursor) return tl::unexpected(std::move(cursor.error()));
  s->cursor = std::move(*cursor);
  if (!s->cursor.committed() && options_.spool) {
    const auto other = sqlite_cursor::find_reader_of(s->db, *options_.spool);
    if (!other) return tl::unexpected(other.error());
    if (*other) {
      return failure(fault_code::would_duplicate,
                     options_.path + " has what sink " + **other +
                         " took from this spool, and sink " + options_.name +
                         " would store it again; name the sink " + **other + ", or give " +
                         options_.name + " a file of its own");
    }
  }
  auto retention =
      sqlite_retention::prepare(s->db, {options_.retention_bytes, options_.retention_age});
  if (!retention) return tl::unexpected(std::move(retention.error()));
  s->retention = std::move(*retention);
  auto files = sqlite::file_watch::of(s->db);
  if (!files) return tl::unexpected(std::move(files.error()));
  s->files = std::move(*files);
  return s;
}

result<contract::missed_by_lane> sqlite_writer::write(const contract::read_block& block) {
  if (!session_) return failure(fault_code::sink_lost, options_.path + " is not open");
  session& s = *session_;
  // Where the write lock is not to be had, nothing has begun: the block may be written again.
  if (auto begun = s.db.begin(); !begun) return give_up(std::move(begun.error()));
  contract::reader_lanes counts = s.cursor.counted();
  auto missed = s.write_block(block, counts);
  if (missed) {
    if (auto done = s.db.commit(); !done) missed = tl::unexpected(std::move(done.error()));
  }
  if (!missed) {
    s.db.rollback();
    return give_up(std::move(missed.error()));
  }
  // Replaced between the check and the commit: written, but not where anybody looks.
  if (auto found = s.check_in_place(); !found) return give_up(std::move(found.error()));
  s.cursor.mark_committed(block.end, counts);
  return missed;
}

result<std::uint64_t> sqlite_writer::enforce_retention(std::int64_t now_unix_ns) {
  if (!session_) return failure(fault_code::sink_lost, options_.path + " is not open");
  // Also for its own sake: where nothing is written, nobody else looks.
  if (auto found = session_->check_in_place(); !found) return give_up(std::move(found.error()));
  auto removed = session_->retention.step(session_->db, now_unix_ns);
  if (removed) return removed;
  return give_up(std::move(removed.error()));
}

/// Keeps the file open only where nothing can have been written.
tl::unexpected<fault> sqlite_writer::give_up(fault f) {
  if (f.code != fault_code::sink_unavailable) f.detail += end_session();
  return tl::unexpected<fault>(std::move(f));
}

void sqlite_writer::close() {
  end_session();
}

/// What a person has to do about the files; "": nothing.
std::string sqlite_writer::end_session() {
  std::string left;
  if (session_ && !session_->files.in_place()) {
    left = tell_of(session_->files.leave(session_->db));
  }
  session_.reset();
  return left;
}

}  // namespace fleetgate::sink
