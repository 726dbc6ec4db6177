// The numbers by which a sink works, and what each fault leads to. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "protocol/base/fault.hpp"

namespace fleetgate::sink {

struct sink_policy {
  // One read and one transaction.
  std::size_t batch_records = 4096;
  std::size_t batch_bytes = 4 * 1024 * 1024;
  // The first batch after an outage is small: it asks whether the sink is well.
  std::size_t probe_records = 64;

  // A commit costs the disk a flush whatever it holds. Gathering is `gather_factor` times what the
  // last write took, so that a sink with little to do is busy for a small part of the time.
  std::chrono::nanoseconds gather_least = std::chrono::milliseconds(2);
  std::chrono::nanoseconds gather_most = std::chrono::milliseconds(100);
  std::int64_t gather_factor = 4;

  // Reads also without having been told, should a notice have been lost.
  std::chrono::nanoseconds poll_every = std::chrono::seconds(1);

  std::chrono::nanoseconds backoff_first = std::chrono::milliseconds(100);
  std::chrono::nanoseconds backoff_longest = std::chrono::seconds(30);
  std::uint32_t failures_to_open_circuit = 5;

  std::chrono::nanoseconds retain_every = std::chrono::seconds(10);
  std::uint64_t retain_records = 65'536;  // or after so many were written
};

/// What is to be done about a fault of the writer or of the reader.
enum class remedy : std::uint8_t {
  retry,   // the same again, after a while: nothing was written
  reopen,  // open, go to the cursor found there, read again, after a while
  stop,    // never by itself: a person must look
};

remedy remedy_for(fault_code code) noexcept;

}  // namespace fleetgate::sink
