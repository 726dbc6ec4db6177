// One connection to an SQLite file, and the statements prepared on it. Thin: it adds ownership,
// faults instead of codes, and a check that the file is still the one that was opened.
// One thread at a time (SQLITE_OPEN_NOMUTEX).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/bytes.hpp"
#include "protocol/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace fleetgate::sqlite {

struct open_options {
  std::string path;
  /// How long a call waits (asleep) for a lock that another connection holds.
  std::chrono::milliseconds busy_timeout{0};
  /// What "locked by somebody else" and "cannot be opened" mean to the owner (fault_of.hpp).
  fault_code unavailable = fault_code::storage_io;
  /// The SQLite VFS that its files are reached by; "": SQLite's default.
  std::string vfs{};
  /// The file must be there, and is never written.
  bool read_only = false;
};

struct connection {
  sqlite3* handle = nullptr;
  open_options options;

  connection() noexcept = default;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  /// The fault for `code`: "path: what: SQLite's message".
  [[nodiscard]] fault fault_of(int code, std::string_view what) const;
};

/// A prepared statement. Bound bytes are not copied: they must live until the next bind, `reset` or
/// `run`. The first bind that fails is reported by the next step. Must go before its database.
class statement {
 public:
  statement() noexcept = default;
  statement(statement&& from) noexcept;
  statement& operator=(statement&& from) noexcept;
  ~statement();

  void bind(int parameter, std::int64_t value) noexcept;
  void bind_text(int parameter, std::string_view value) noexcept;
  void bind_blob(int parameter, byte_view value) noexcept;
  void bind_null(int parameter) noexcept;

  /// True: a row can be read. False: done.
  result<bool> step();
  /// Steps to the end, passing over rows, and resets.
  result<void> run();
  /// Ends the statement's use of the file (a read transaction, say). Bindings stay.
  void reset() noexcept;

  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  /// Bytes of the column, valid until the next step, reset or run; "" where it is NULL.
  [[nodiscard]] std::string_view bytes(int column) const noexcept;

 private:
  friend class database;
  statement(const connection& on, sqlite3_stmt* prepared) noexcept;
  void note(int code) noexcept {
    if (code != 0 && bind_code_ == 0) bind_code_ = code;
  }

  const connection* on_ = nullptr;
  sqlite3_stmt* prepared_ = nullptr;
  int bind_code_ = 0;
};

class database {
 public:
  /// Closed: nothing but assignment and `is_open` may be used.
  database() noexcept = default;

  /// Opens the file for reading and writing, and creates it where it is missing (not its
  /// directory), unless `read_only` is asked for.
  static result<database> open(open_options options);

  [[nodiscard]] bool is_open() const noexcept { return on_ != nullptr; }
  /// Statements must be gone.
  void close() noexcept { on_.reset(); }

  /// Statements that return nothing of interest; `sql` is a constant of ours, never text from
  /// outside.
  result<void> execute(const char* sql);
  result<statement> prepare(std::string_view sql);
  /// The one number or text that `sql` returns.
  result<std::int64_t> ask_integer(std::string_view sql);
  result<std::string> ask_text(std::string_view sql);

  /// Takes the write lock at once, so that nothing later in the transaction finds it taken.
  result<void> begin() { return execute("BEGIN IMMEDIATE"); }
  result<void> commit() { return execute("COMMIT"); }
  /// Where no transaction is open (SQLite ends it by itself on some errors) it does nothing.
  void rollback() noexcept;

  /// Rows that the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] std::int64_t changes() const noexcept;
  /// Moves all that lies in the write-ahead log into the file, and empties the log. False: a reader
  /// or an error was in the way.
  bool empty_log() noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return on_->options.path; }
  [[nodiscard]] const std::string& vfs() const noexcept { return on_->options.vfs; }
  [[nodiscard]] sqlite3* handle() const noexcept { return on_->handle; }

 private:
  std::unique_ptr<connection> on_;
};

/// Runs `body() -> result<void>` in a transaction: all of it or nothing.
template <class Body>
result<void> in_transaction(database& db, Body&& body) {
  if (auto begun = db.begin(); !begun) return begun;
  result<void> done = body();
  if (done) done = db.commit();
  if (!done) db.rollback();
  return done;
}

}  // namespace fleetgate::sqlite
