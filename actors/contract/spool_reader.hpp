// How a sink or a site link reads the spool: by its own durable cursor, at its own pace, on its own
// thread. Sees only what is durable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/model/envelope.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::contract {

/// How far one reader has come: in each lane, the position of the last record it is done with.
struct cursor {
  model::spool_uuid spool;
  std::array<model::position, model::lane_count> lanes{};
  bool operator==(const cursor&) const = default;
};

/// One record read back. Views point into the read_block.
struct stored_record {
  model::envelope envelope;
  model::position at;
  model::lane in = model::lane::telemetry_owed;
};

using lane_ordinals = std::array<std::uint64_t, model::lane_count>;

/// What a read passed in one lane besides its `records`, up to the lane's `end`. An ordinal counts
/// the records of a lane from 1, over all starts.
struct lane_passage {
  std::uint64_t through = 0;  // ordinal of the last record; 0: the lane's end did not move
  /// Only where it was put to its place since the last record: the ordinal behind which it began.
  std::optional<std::uint64_t> began_behind;
  std::uint64_t marks = 0;
  std::uint64_t damaged = 0;
  std::uint64_t shed = 0;
  bool operator==(const lane_passage&) const = default;
};

/// What one read returned, with its memory; reused from read to read.
struct read_block {
  std::vector<stored_record> records;
  cursor end;                 // where the reader stands once it is done with these records
  std::uint64_t damaged = 0;  // records that were skipped because their checksum failed
  std::uint64_t shed = 0;     // records that were removed before this optional reader read them
  std::array<lane_passage, model::lane_count> passed{};
  /// Only where a person sent the reader back to `end`: the ordinals there.
  std::optional<lane_ordinals> back_to;
  std::vector<std::vector<std::byte>> memory;
  bool empty() const noexcept { return records.empty() && damaged == 0 && shed == 0; }
};

class spool_reader {
 public:
  virtual ~spool_reader() = default;

  /// Goes on from `from`. Faults: foreign_spool, position_beyond_end (both permanent: never skip).
  virtual result<void> seek(const cursor& from) = 0;

  /// At most about `most_bytes` of payload and `most_records` into `block` (cleared first), higher
  /// classes first with a minimum share for each lane. An empty block: nothing more is durable yet.
  /// Marks are left out of `records`; `end` is past them. Faults: storage_io.
  virtual result<void> read(read_block& block, std::size_t most_bytes,
                            std::size_t most_records) = 0;

  /// The ordinal of each lane's last record before where it stands. Faults: storage_io.
  virtual result<lane_ordinals> stands_at() = 0;

  [[nodiscard]] virtual model::spool_uuid spool() const = 0;

  /// Behind everything that is durable now: where a reader goes that wants only what comes.
  [[nodiscard]] virtual cursor end() const = 0;
  /// Whether a message to be retained has become durable behind `c` since this start.
  [[nodiscard]] virtual bool has_retained_behind(const cursor& c) const = 0;

  /// Durable records, marks included, behind where this reader stands. Where it has not read since
  /// it was put there it may be more, by what lies before that in one segment of each lane.
  [[nodiscard]] virtual std::uint64_t lag_records() const = 0;
};

}  // namespace fleetgate::contract
