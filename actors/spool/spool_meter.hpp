// Brings what the spool counts into the probe that /metrics shows. Owned by the spool_actor, on the
// journal's thread.
#pragma once

#include "actors/observe/probes.hpp"
#include "actors/spool/spool.hpp"

namespace fleetgate::spool {

class spool_meter {
 public:
  explicit spool_meter(observe::journal_probe& probe) noexcept : probe_(probe) {}

  /// Adds what is new since the last call; returns how many records were appended since then.
  std::uint64_t count(const spool_counts& now);
  /// What is kept at this moment, and how much may be.
  void show(const spool_stats& stats);

 private:
  observe::journal_probe& probe_;
  spool_counts counted_{};
};

}  // namespace fleetgate::spool
