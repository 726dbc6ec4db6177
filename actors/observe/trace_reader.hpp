// Reads what flight recorders wrote: of a node that runs, or of one that was killed. Blocking; any
// thread. Limits: one file in memory at a time besides what passes the filter, which the rings'
// sizes bound. Every record is checked; what is torn is passed over and counted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/observe/trace_file.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::observe {

/// Which records are wanted; what is not set is not asked.
struct trace_filter {
  std::optional<std::string> subject;
  std::optional<model::trace_id> trace;
  std::optional<model::traffic_class> cls;
  std::optional<model::trace_event> event;
  std::optional<std::uint64_t> sequence;
  std::optional<std::int64_t> since_ns, until_ns;  // both included
  bool anomalies_only = false;

  [[nodiscard]] bool passes(const trace_record& r) const noexcept;
};

struct trace_line {
  trace_record record;
  std::uint32_t file = 0;  // index into trace_timeline::files
};

struct trace_file_report {
  trace_file_head head;
  std::string path;
  std::uint64_t records = 0;     // intact ones
  std::uint64_t unreadable = 0;  // torn, or of a newer program
  bool truncated = false;        // shorter than its head says
  /// From here on nothing is missing: the start, or the oldest record of a ring that has wrapped.
  std::int64_t ordinary_since_ns = 0;
  std::int64_t anomalies_since_ns = 0;
};

/// All that was asked for, by time.
struct trace_timeline {
  std::vector<trace_file_report> files;
  std::vector<trace_line> lines;
  std::vector<std::string> foreign;  // files that are no rings
  std::vector<fault> unread;         // files and directories that cannot be read, and why
};

/// One file's records in no order. Faults: storage_io, storage_damaged (not such a file),
/// not_found.
result<trace_file_report> read_trace_file(const std::string& path,
                                          const std::function<void(trace_record)>& visit);

/// What lies under `data_dir`. Faults: not_found (there is no recording), storage_io (it cannot be
/// looked into).
result<trace_timeline> read_recordings(const std::string& data_dir,
                                       const std::function<bool(const trace_record&)>& wanted);

}  // namespace fleetgate::observe
