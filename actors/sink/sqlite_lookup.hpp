// Finds one message in the database of an SQLite sink, and how far the sink has come; reads only,
// also while a node writes. Blocking; any thread. Looks at every row, as there is no index. Limit:
// most_rows rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::sink {

inline constexpr std::size_t most_rows = 1000;

/// By trace id; where that is all zero, by device and sequence.
struct message_name {
  model::trace_id trace;
  std::string device;
  std::uint64_t sequence = 0;

  [[nodiscard]] bool by_trace() const noexcept { return trace != model::trace_id{}; }
};

struct stored_row {
  std::int64_t id = 0;
  std::string device, stream, topic, cls, node, trace;
  std::optional<std::uint64_t> epoch, sequence;
  std::int64_t received_time_ns = 0;
  model::position at;
  int qos = 0;
};

struct lane_cursor {
  std::string reader;
  std::string lane;
  std::string spool;
  model::position at;
};

struct sink_findings {
  std::vector<stored_row> rows;
  std::vector<lane_cursor> cursors;
};

/// Faults: sink_unavailable (it cannot be opened or read), not_found (it is no sink's database).
result<sink_findings> look_up(const std::string& path, const message_name& wanted);

}  // namespace fleetgate::sink
