// Who this spool is: a uuid that never changes, and an incarnation that is higher after each start:
// the Unix second of the start. Two checksummed slots in one file, written in turn, so that a crash
// in the middle of a write leaves the other. Used by the journal at open and close. Limit:
// remembers where the last 32 incarnations began.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/file_layer.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::spool {

inline constexpr std::size_t remembered_incarnations = 32;

struct incarnation_start {
  std::uint32_t incarnation = 0;
  std::uint64_t first_lsn = 0;
  bool operator==(const incarnation_start&) const = default;
};

/// What was kept and durable when it was last noted: at open, with each snapshot of the windows, at
/// a clean close, and before a lane loses its last segment.
struct spool_extent {
  std::array<std::uint64_t, model::lane_count> first_ordinals{};  // last + 1 where nothing is kept
  std::array<std::uint64_t, model::lane_count> last_ordinals{};
  std::array<std::uint64_t, model::lane_count> first_lsns{};  // of the oldest segment; 0: none
  std::uint64_t highest_lsn = 0;
  bool clean = false;  // noted at a clean close: nothing was written or removed since
  bool operator==(const spool_extent&) const = default;
};

struct spool_id {
  model::spool_uuid uuid;
  std::uint32_t incarnation = 0;  // 0: never opened
  std::uint64_t generation = 0;   // counts the writes of this file
  spool_extent extent;
  std::vector<incarnation_start> starts;  // oldest first, the current one last
  bool operator==(const spool_id&) const = default;
};

/// One slot as bytes; the pair that docs/wire/spool.md describes.
inline constexpr std::size_t id_slot_bytes = 1024;
inline constexpr std::uint64_t id_slot_distance = 4096;
std::string encode_spool_id(const spool_id& id);
std::optional<spool_id> decode_spool_id(byte_view slot);

class spool_id_file {
 public:
  explicit spool_id_file(std::string directory) : directory_(std::move(directory)) {}

  /// The newest valid slot; nothing where there is none. Faults: storage_io.
  result<std::optional<spool_id>> read(contract::file_layer& files);
  /// Durable when it returns, and `id.generation` is raised. After a fault the slot that was there
  /// stays what counts, and is not what the next try writes to. Faults: storage_io, storage_full.
  result<void> write(contract::file_layer& files, spool_id& id);

 private:
  [[nodiscard]] std::string path() const { return directory_ + "/spool.id"; }

  std::string directory_;
};

}  // namespace fleetgate::spool
