// The append-only log of what was acknowledged. Owned by the run, written by all its threads under
// one mutex: only the last write can be torn by a kill, never one before it. What has been written
// outlives the process (not a power failure: nothing is synced).
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "deploy/fleetsim/ack_log_format.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::fleetsim {

class ack_log {
 public:
  /// A new log for `fleet`. Faults: storage_io, where the file exists already, too.
  static result<ack_log> create(const std::string& path, const fleet_identity& fleet);
  /// An existing one, cut back to `whole_bytes`. Faults: storage_io, also where another process
  /// writes to it.
  static result<ack_log> resume(const std::string& path, std::uint64_t whole_bytes);

  ack_log(ack_log&& from) noexcept;
  ack_log& operator=(ack_log&&) = delete;
  ~ack_log();

  /// Appends all of them, or says why it cannot.
  result<void> append(const std::vector<ack_record>& records);

 private:
  ack_log(int fd, std::string path) noexcept;
  static result<ack_log> open(const std::string& path, int flags);
  result<void> write(const char* bytes, std::size_t size);
  [[nodiscard]] tl::unexpected<fault> failed(const char* what) const;

  int fd_;
  std::string path_;
  std::mutex mutex_;
  std::string pending_;
};

}  // namespace fleetgate::fleetsim
