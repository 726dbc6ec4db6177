// Reads a spool as it lies on disk and verifies every checksum; writes nothing. Also while a node
// runs: what it has not synced yet is passed over. Blocking; any thread. Limit: one read window in
// memory, as large as the largest record.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/file_layer.hpp"
#include "actors/contract/spool_reader.hpp"
#include "protocol/base/result.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::spool {

struct lane_inspection {
  model::lane in = model::lane::telemetry_owed;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;                     // of their files
  std::uint64_t records = 0;                   // intact, marks included
  std::uint64_t damaged_records = 0;           // durable once, unreadable now
  std::uint64_t foreign_segments = 0;          // of another spool or lane
  std::optional<model::position> first, last;  // of intact records
};

struct inspection {
  model::spool_uuid uuid;
  std::uint32_t incarnation = 0;
  std::vector<lane_inspection> lanes;

  [[nodiscard]] bool damaged() const noexcept;
};

/// `directory`: the one with spool.id. Faults: not_found (there is none), storage_io,
/// storage_damaged (written by a newer program). `visit`, where it is given, sees each intact
/// record, one lane after the other; those of a lane once more where a running node has meanwhile
/// removed a segment of it.
using inspected_visitor = std::function<void(const contract::stored_record&)>;
result<inspection> inspect(contract::file_layer& files, const std::string& directory,
                           const inspected_visitor& visit = {});

/// Where a reader says that it stands in a lane.
struct lane_place {
  model::position at;
  std::uint64_t ordinal =
      0;  // of the record there: taken where that one is not there to be counted
};
using reader_place = std::array<lane_place, model::lane_count>;

/// What lies behind that place of a lane's first `up_to` records.
struct lane_behind {
  std::uint64_t gone = 0, intact = 0, damaged = 0;
  std::optional<std::uint64_t> ordinal;  // of the record at the place, where it is there
};

/// What one lane's files hold of its first `up_to` records: gone + intact + damaged, and nothing
/// left over where the files hold them all.
struct lane_recount {
  std::uint64_t gone = 0;           // removed with their segments, by the oldest one's header
  std::uint64_t intact = 0;         // read, each checksum verified
  std::uint64_t damaged = 0;        // not readable, between others that are, or by spool.id
  std::uint64_t last = 0;           // the highest ordinal that is there, also above `up_to`
  std::vector<lane_behind> behind;  // of each reader
};
using spool_recount = std::array<lane_recount, model::lane_count>;

/// Counts again, record by record. Faults: as inspect.
result<spool_recount> recount(contract::file_layer& files, const std::string& directory,
                              const std::array<std::uint64_t, model::lane_count>& up_to,
                              const std::vector<reader_place>& readers = {});

}  // namespace fleetgate::spool
