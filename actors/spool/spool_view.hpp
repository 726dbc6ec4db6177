// What the journal shares with reader threads: which segments there are and how far each may be
// read. The journal writes, readers on any thread read. Lists under a mutex, watermarks atomic.
// Limit: one entry a segment, a few hundred bytes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/spool_reader.hpp"
#include "actors/spool/spool_id.hpp"
#include "protocol/base/result.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::spool {

/// One segment as readers see it. Only the atomics change after it was made.
struct segment {
  std::string path;
  model::lane in = model::lane::control_owed;
  std::uint32_t incarnation = 0;
  std::uint64_t first_lsn = 0;
  std::uint64_t first_ordinal = 0;
  // Of the last record before `readable_end`, set in this order and before it.
  std::atomic<std::uint64_t> last_lsn{0};
  std::atomic<std::uint64_t> last_ordinal{0};
  std::atomic<std::uint64_t> readable_end{0};  // file offset; what lies before it is durable
  std::atomic<bool> going{false};              // set before the file goes; unset where it stays
  std::atomic<bool> removed{false};            // the file has gone

  [[nodiscard]] model::position first() const noexcept { return {incarnation, first_lsn}; }
};

using segment_ptr = std::shared_ptr<segment>;

class spool_view {
 public:
  /// `starts` from spool_id: where each incarnation began, the current one last.
  spool_view(model::spool_uuid uuid, std::vector<incarnation_start> starts)
      : uuid_(uuid), starts_(std::move(starts)) {}

  // Readers.
  [[nodiscard]] model::spool_uuid uuid() const noexcept { return uuid_; }
  /// Faults: foreign_spool, position_beyond_end. cursor{} is always good: the beginning.
  [[nodiscard]] result<void> check(const contract::cursor& c) const;
  /// The segment in which `at` lies, or the oldest; null in an empty lane.
  [[nodiscard]] segment_ptr find(model::lane in, const model::position& at) const;
  /// The segment after `s`, also when `s` itself is gone; null where there is none.
  [[nodiscard]] segment_ptr after(const segment& s) const;
  [[nodiscard]] segment_ptr oldest(model::lane in) const;

  /// How many records were ever durable in the lane, over all incarnations.
  [[nodiscard]] std::uint64_t durable_ordinal(model::lane in) const noexcept {
    return durable_ordinal_[model::index(in)].load(std::memory_order_acquire);
  }

  /// Behind everything that is durable now. Any record that becomes durable later is behind it.
  [[nodiscard]] contract::cursor end() const;
  /// Whether a record with the RETAIN flag has become durable behind `c` since this start.
  [[nodiscard]] bool has_retained_behind(const contract::cursor& c) const noexcept;

  // The journal.
  void add(segment_ptr s);
  void remove_oldest(model::lane in);
  void set_durable_ordinal(model::lane in, std::uint64_t ordinal) noexcept {
    durable_ordinal_[model::index(in)].store(ordinal, std::memory_order_release);
  }
  void set_durable_lsn(model::lane in, std::uint64_t lsn) noexcept {
    durable_lsn_[model::index(in)].store(lsn, std::memory_order_release);
  }

  /// `lsn`: of the last record of a group that has one with the RETAIN flag. Before
  /// set_durable_lsn.
  void set_retained_lsn(model::lane in, std::uint64_t lsn) noexcept {
    retained_lsn_[model::index(in)].store(lsn, std::memory_order_release);
  }

 private:
  [[nodiscard]] bool beyond_end(model::lane in, const model::position& p) const noexcept;

  const model::spool_uuid uuid_;
  const std::vector<incarnation_start> starts_;
  std::array<std::atomic<std::uint64_t>, model::lane_count> durable_lsn_{};  // this incarnation's
  std::array<std::atomic<std::uint64_t>, model::lane_count> durable_ordinal_{};
  std::array<std::atomic<std::uint64_t>, model::lane_count> retained_lsn_{};
  mutable std::mutex lock_;
  std::array<std::deque<segment_ptr>, model::lane_count> lanes_;  // oldest first
};

}  // namespace fleetgate::spool
