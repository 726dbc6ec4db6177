// What the spool says of itself when it is asked: lanes, readers, positions, trouble. Plain values.
// Limit: one entry a lane and a reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/spool_reader.hpp"
#include "protocol/base/fault.hpp"

namespace fleetgate::contract {

struct lane_report {
  model::lane in = model::lane::telemetry_owed;
  std::uint64_t bytes = 0;
  std::uint64_t limit_bytes = 0;  // up to where a record is let in
  std::uint64_t records = 0;
  std::uint64_t segments = 0;
  std::uint64_t shed_records = 0;
  std::int64_t oldest_received_time_ns = 0;  // Unix time; 0: empty
  std::optional<model::position> first;      // of the oldest segment
};

struct reader_report {
  std::string name;
  bool required = false;
  cursor at;
  std::uint64_t shed_records = 0;
};

struct spool_report {
  model::spool_uuid uuid;
  std::uint32_t incarnation = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t budget_bytes = 0;
  std::uint64_t last_lsn = 0;
  std::uint64_t durable_lsn = 0;
  std::uint64_t refused_records = 0;  // since start
  std::uint64_t removed_segments = 0;
  std::uint64_t damaged_records = 0;  // found at start
  std::uint64_t torn_bytes = 0;
  std::optional<fault> trouble;  // while something cannot be written
  std::vector<lane_report> lanes;
  std::vector<reader_report> readers;
};

}  // namespace fleetgate::contract
