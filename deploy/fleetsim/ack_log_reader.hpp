// Reads a log of acknowledgements in one pass, a block at a time. Blocking; one thread. What a
// killed process left half written at the end is passed over and reported.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "deploy/fleetsim/ack_log_format.hpp"
#include "deploy/fleetsim/device.hpp"
#include "deploy/fleetsim/range_set.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::fleetsim {

struct log_reading {
  std::uint64_t records = 0;
  std::uint64_t whole_bytes = 0;  // header and records up to the first that is none
  std::uint64_t torn_bytes = 0;   // behind them
};

/// Calls `begin` with the header, then `visit` for each record. A file that ends within its header
/// has no records and whole_bytes 0. Faults: not_found, storage_io; config_invalid where it is
/// another kind of file.
result<log_reading> read_ack_log(const std::string& path,
                                 const std::function<void(const fleet_identity&)>& begin,
                                 const std::function<void(const ack_record&)>& visit);

/// Where the devices of a log stand. A range for each gap; fed with its records in their order.
class resume_points {
 public:
  void add(const ack_record& r);

  /// For a device that the log does not name: boot `first_boot`, from the beginning.
  [[nodiscard]] start_point of(std::uint32_t device, std::uint32_t first_boot) const;
  /// Messages of `device` that the server has answered, over all boots.
  [[nodiscard]] std::uint64_t answered(std::uint32_t device) const;

 private:
  struct state {
    std::uint32_t boot = 0;
    range_set answered;  // of this boot
    std::uint64_t answered_before = 0;
  };
  std::map<std::uint32_t, state> devices_;
};

}  // namespace fleetgate::fleetsim
