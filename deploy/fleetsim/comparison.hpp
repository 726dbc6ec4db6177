// What a server acknowledged, held against what stands in the table. Pure; one thread. First the
// log's records come in, then the table's rows in their order. Memory: two ranges a device and
// boot, one more for each gap, whatever the number of messages.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "deploy/fleetsim/ack_log_format.hpp"
#include "deploy/fleetsim/range_set.hpp"

namespace fleetgate::fleetsim {

struct table_row {
  std::string_view device_id;
  std::optional<std::int64_t> epoch;
  std::optional<std::int64_t> sequence;
  std::string_view cls;
};

struct class_findings {
  std::uint64_t rows = 0;       // of this fleet
  std::uint64_t lost = 0;       // acknowledged, and no row
  std::uint64_t duplicate = 0;  // rows beyond the first of a message
  std::uint64_t reordered = 0;  // rows behind one of a later sequence of the same device and boot

  bool operator==(const class_findings&) const noexcept = default;
};

/// Messages of one device and boot that are lost.
struct lost_stretch {
  std::string device;
  std::uint32_t boot = 0;
  range_set::range sequences;
};

struct findings {
  std::map<std::string, class_findings> by_class;  // a class that has no row goes by its topic
  std::uint64_t acknowledged = 0;                  // different messages in the log
  std::uint64_t refused = 0;     // answered with a reason: not to be expected in the table
  std::uint64_t unlogged = 0;    // stored, though their acknowledgement never arrived: no fault
  std::uint64_t unnumbered = 0;  // rows of these devices without sequence or epoch
  std::uint64_t foreign = 0;     // rows of other devices, or of boots that the log does not know
  std::vector<lost_stretch> examples;  // at most findings::most_examples

  static constexpr std::size_t most_examples = 10;
  [[nodiscard]] class_findings total() const;
};

class comparison {
 public:
  explicit comparison(fleet_identity fleet);

  void add(const ack_record& logged);
  void add(const table_row& stored);
  [[nodiscard]] findings result() const;

 private:
  /// One boot of one device.
  struct life {
    range_set acknowledged;
    range_set stored;
    std::vector<std::uint64_t> highest;  // by class, as numbered in class_names_
  };
  static std::uint64_t key_of(std::uint32_t device, std::uint32_t boot) noexcept {
    return std::uint64_t{device} << 32 | boot;
  }
  /// Nothing where the boot is none of the log's: another run under the same names.
  life* life_of(std::uint32_t device, std::int64_t boot);
  std::size_t class_number(std::string_view cls);
  void add_lost(findings& to, std::uint64_t key, const range_set::range& lost) const;
  [[nodiscard]] const std::string& class_of(std::uint64_t sequence) const;

  fleet_identity fleet_;
  std::unordered_map<std::uint64_t, life> lives_;
  std::vector<std::string> class_names_;
  std::vector<class_findings> by_class_;
  std::vector<std::optional<std::size_t>> class_of_topic_;  // as the rows show it
  std::uint64_t refused_ = 0;
  std::uint64_t unlogged_ = 0;
  std::uint64_t unnumbered_ = 0;
  std::uint64_t foreign_ = 0;
};

}  // namespace fleetgate::fleetsim
