// The head of a ring file of the flight recorder: one file a writing thread, with a ring for
// anomalies and one for everything else (docs/wire/recorder.md). Pure; any thread. Limit: names are
// cut after 63 and 31 bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "actors/observe/trace_record.hpp"

namespace fleetgate::observe {

inline constexpr std::size_t trace_head_bytes = 4096;
/// No ring of a file has more records.
inline constexpr std::uint64_t most_ring_records = std::uint64_t{1} << 32;

struct trace_file_head {
  std::string node;
  std::string thread;
  std::int64_t start_time_ns = 0;  // of the process, Unix time
  std::uint32_t incarnation = 0;   // of the spool
  std::uint64_t anomalies = 0;     // records in the first ring
  std::uint64_t ordinary = 0;      // records in the second

  [[nodiscard]] std::uint64_t file_bytes() const noexcept {
    return trace_head_bytes + (anomalies + ordinary) * trace_record_bytes;
  }
};

using trace_head_image = std::array<std::byte, trace_head_bytes>;
trace_head_image encode_trace_head(const trace_file_head& head) noexcept;

/// Nothing where it is not the head of such a file, or of a version that is not known.
std::optional<trace_file_head> decode_trace_head(std::span<const std::byte> bytes);

}  // namespace fleetgate::observe
