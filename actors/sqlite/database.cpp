#include "actors/sqlite/database.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <limits>
#include <utility>

#include "actors/sqlite/fault_of.hpp"

namespace fleetgate::sqlite {

connection::~connection() {
  // Cannot lose anything: what was committed is in the file or its write-ahead log.
  sqlite3_close_v2(handle);
}

fault connection::fault_of(int code, std::string_view what) const {
  // The connection remembers the message of its last error only.
  const bool last = handle != nullptr && sqlite3_extended_errcode(handle) == code;
  std::string detail = options.path + ": ";
  detail.append(what).append(": ");
  detail += last ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  detail += " (SQLite " + std::to_string(code) + ")";
  return fault(fault_code_of(code, options.unavailable), std::move(detail));
}

statement::statement(const connection& on, sqlite3_stmt* prepared) noexcept
    : on_(&on), prepared_(prepared) {}

statement::statement(statement&& from) noexcept
    : on_(from.on_),
      prepared_(std::exchange(from.prepared_, nullptr)),
      bind_code_(from.bind_code_) {}

statement& statement::operator=(statement&& from) noexcept {
  if (this != &from) {
    sqlite3_finalize(prepared_);
    on_ = from.on_;
    prepared_ = std::exchange(from.prepared_, nullptr);
    bind_code_ = from.bind_code_;
  }
  return *this;
}

statement::~statement() {
  sqlite3_finalize(prepared_);
}

void statement::bind(int parameter, std::int64_t value) noexcept {
  note(sqlite3_bind_int64(prepared_, parameter, value));
}

void statement::bind_text(int parameter, std::string_view value) noexcept {
  // A null pointer would bind NULL; the empty text is not NULL.
  const char* const data = value.data() == nullptr ? "" : value.data();
  note(sqlite3_bind_text64(prepared_, parameter, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void statement::bind_blob(int parameter, byte_view value) noexcept {
  const void* const data = value.data() == nullptr ? "" : static_cast<const void*>(value.data());
  note(sqlite3_bind_blob64(prepared_, parameter, data, value.size(), SQLITE_STATIC));
}

void statement::bind_null(int parameter) noexcept {
  note(sqlite3_bind_null(prepared_, parameter));
}

result<bool> statement::step() {
  if (bind_code_ != 0) {
    return tl::unexpected(on_->fault_of(std::exchange(bind_code_, 0), "bind"));
  }
  const int code = sqlite3_step(prepared_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  fault f = on_->fault_of(code, "step");
  sqlite3_reset(prepared_);
  return tl::unexpected(std::move(f));
}

result<void> statement::run() {
  for (;;) {
    auto row = step();
    if (!row) return tl::unexpected(std::move(row.error()));
    if (*row) continue;
    reset();
    return {};
  }
}

void statement::reset() noexcept {
  sqlite3_reset(prepared_);
}

std::int64_t statement::integer(int column) const noexcept {
  return sqlite3_column_int64(prepared_, column);
}

std::string_view statement::bytes(int column) const noexcept {
  const void* const data = sqlite3_column_blob(prepared_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(prepared_, column))};
}

result<database> database::open(open_options options) {
  auto on = std::make_unique<connection>();
  on->options = std::move(options);
  const char* const vfs = on->options.vfs.empty() ? nullptr : on->options.vfs.c_str();
  struct stat about {};
  const bool is_there = ::stat(on->options.path.c_str(), &about) == 0;
  if (is_there && !S_ISREG(about.st_mode)) {  // a pipe would hold up whoever reads it
    return failure(on->options.unavailable, on->options.path + " is not a regular file");
  }
  const int access =
      on->options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(on->options.path.c_str(), &on->handle, flags, vfs);
  if (code != SQLITE_OK) return tl::unexpected(on->fault_of(code, "open"));
  const auto wait = on->options.busy_timeout.count();
  constexpr auto longest = std::numeric_limits<int>::max();
  sqlite3_busy_timeout(on->handle, wait > longest ? longest : static_cast<int>(wait));
  database db;
  db.on_ = std::move(on);
  return db;
}

result<void> database::execute(const char* sql) {
  const int code = sqlite3_exec(on_->handle, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return tl::unexpected(on_->fault_of(code, sql));
  return {};
}

result<statement> database::prepare(std::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(on_->handle, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return tl::unexpected(on_->fault_of(code, "prepare"));
  return statement(*on_, prepared);
}

result<std::int64_t> database::ask_integer(std::string_view sql) {
  return prepare(sql).and_then([](statement asked) -> result<std::int64_t> {
    return asked.step().map([&](bool) { return asked.integer(0); });
  });
}

result<std::string> database::ask_text(std::string_view sql) {
  return prepare(sql).and_then([](statement asked) -> result<std::string> {
    return asked.step().map([&](bool) { return std::string(asked.bytes(0)); });
  });
}

void database::rollback() noexcept {
  if (sqlite3_get_autocommit(on_->handle) == 0) {
    sqlite3_exec(on_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

std::int64_t database::changes() const noexcept {
  return sqlite3_changes64(on_->handle);
}

bool database::empty_log() noexcept {
  return sqlite3_wal_checkpoint_v2(on_->handle, "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                   nullptr) == SQLITE_OK;
}

}  // namespace fleetgate::sqlite
