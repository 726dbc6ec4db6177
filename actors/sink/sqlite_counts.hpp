// What the database of an SQLite sink says of its readers' accounts, and how many rows it really
// holds; for an audit. Reads only, also while a node writes: all of it as of one instant. Blocking
// for as long as counting the rows takes; any thread. Limit: most_readers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/contract/reader_account.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::sink {

inline constexpr std::size_t most_readers = 1000;

struct reader_counts {
  std::string name;
  contract::cursor at;
  contract::reader_lanes lanes;
};

struct sqlite_counts {
  std::vector<reader_counts> readers;
  std::uint64_t rows = 0;       // counted now
  std::uint64_t uncounted = 0;  // rows that were there before counting began
  std::uint64_t removed = 0;    // by retention
};

/// `vfs`: sqlite::open_options::vfs. Faults: not_found (there is no such file), sink_unavailable
/// (it cannot be opened or read), config_invalid (no sink's database, or one from before or after
/// these counts), storage_damaged.
result<sqlite_counts> read_counts(const std::string& path, const std::string& vfs = {});

}  // namespace fleetgate::sink
