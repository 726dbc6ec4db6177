// The files of the flight recorder: <data_dir>/recorder/NUMBER/THREAD.ring, one directory a start
// of the node. The last starts' directories are kept, so that what a dead process wrote can be
// read. Until the node serves, its directory is called "starting" and takes no other's place: a
// node that cannot start is started again and again. Used by the node while it starts. Limit:
// kept_recordings directories of settings.bytes each, and one more while the node starts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/observe/trace_writer.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::observe {

inline constexpr std::size_t kept_recordings = 4;

/// Where a data directory has them.
std::string recordings_in(std::string_view data_dir);

struct recording_settings {
  std::string data_dir;
  std::string node;
  std::int64_t start_time_ns = 0;
  std::uint32_t incarnation = 0;
  std::uint64_t bytes = 0;  // of this start's files together
};

class flight_recorder {
 public:
  /// Writes nowhere.
  flight_recorder() noexcept = default;

  /// Makes the directory; that of a start which ended before it served goes.
  /// Faults: storage_full, storage_io.
  static result<flight_recorder> open(recording_settings settings);

  /// A thread's file. `share`: its part of the bytes. Faults: storage_full, storage_io; after one,
  /// those that are asked for later write nowhere.
  [[nodiscard]] result<trace_writer> writer(std::string_view thread, double share);

  /// Once, when the node serves: the directory becomes the next of those that are kept, and the
  /// oldest go.
  /// Faults: storage_full, storage_io.
  result<void> keep();
  /// Instead of it, where the node will not serve: removes the directory.
  void discard() noexcept;

 private:
  recording_settings settings_;
  std::string directory_;
  bool failed_ = false;
};

}  // namespace fleetgate::observe
