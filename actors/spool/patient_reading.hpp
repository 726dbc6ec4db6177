// Reading for somebody who moves on and never looks back: what cannot be read is damage only once
// it has stayed so for a while on a disk that gave other things meanwhile. Owned by one lane of a
// reader, on its thread. Limit: an entry for each unreadable block of the segment the reader is in.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>

#include "actors/contract/file_layer.hpp"
#include "actors/spool/read_around.hpp"

namespace fleetgate::spool {

using patience_clock = std::function<std::uint64_t()>;

/// A block is damaged when so many tries have failed, each so long after the one before.
struct patience {
  patience_clock clock;
  std::uint32_t tries = 4;
  std::chrono::nanoseconds between = std::chrono::seconds(10);
};

class patient_reading {
 public:
  explicit patient_reading(patience p) noexcept : patience_(std::move(p)) {}

  /// As file.read_at; but what is damaged counts as zeroes. A try counts only while the disk is
  /// there; where it is gone, a block's tries begin anew. Faults: storage_io.
  result<std::size_t> read(contract::file& file, std::uint64_t segment, std::uint64_t offset,
                           std::span<std::byte> into, const std::function<bool()>& is_disk_there);
  /// Nothing before `segment` is read again.
  void forget_before(std::uint64_t segment);

 private:
  struct failures {
    std::uint32_t count = 0;
    std::uint64_t last_ns = 0;
  };
  bool is_damage(std::uint64_t segment, const block_set& unread,
                 const std::function<bool()>& is_disk_there);

  patience patience_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, failures> failed_;  // by segment and block
};

}  // namespace fleetgate::spool
