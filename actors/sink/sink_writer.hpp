// What every sink's writer does: put what was read from the spool into a store, together with how
// far the reader has come. Owned by one sink actor, called on its thread only; may block.
#pragma once

#include <cstdint>
#include <optional>

#include "actors/contract/reader_account.hpp"
#include "actors/contract/spool_reader.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::sink {

/// What `write` stores. It passes over everything else (quarantined messages stay in the spool);
/// for the reader's account those records are filtered.
inline bool is_deliverable(const contract::stored_record& record) noexcept {
  return record.envelope.kind == model::record_kind::message;
}

class sink_writer {
 public:
  virtual ~sink_writer() = default;

  /// Connects, makes or checks the schema, and returns how far the store says this reader has come;
  /// nothing where it knows no such reader (then the caller starts at the spool's oldest record).
  /// May be called again at any time; what was open is closed first.
  virtual result<std::optional<contract::cursor>> open() = 0;

  /// The deliverable records of `block`, `block.end` as the cursor, and the reader's account
  /// (contract/reader_account.hpp) that belongs to it, in one transaction;
  /// durable when it returns. Returns what the account says that the reader has missed on the way
  /// there. On a fault:
  /// - sink_unavailable: nothing was written; the same block may be written again.
  /// - every other: it is not known whether the block was written, only the store's cursor knows.
  ///   The writer refuses everything (sink_lost) until `open` was called and the reader was put to
  ///   the cursor that it returned.
  virtual result<contract::missed_by_lane> write(const contract::read_block& block) = 0;

  /// True where a row that is written again does not become a second one.
  [[nodiscard]] virtual bool knows_rows_again() const noexcept { return false; }

  /// Removes what is too much or too old, at most a bounded number of rows, in a transaction of
  /// its own. Returns how many: where it is not 0 there may be more, so call again between writes.
  virtual result<std::uint64_t> enforce_retention(std::int64_t now_unix_ns) = 0;

  virtual void close() = 0;
};

}  // namespace fleetgate::sink
