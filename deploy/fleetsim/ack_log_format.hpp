// How the log of acknowledgements lies on disk (docs/reference/fleetsim.md, The log). Pure.
//
// One line of JSON that says which fleet it is, padded with spaces to a multiple of 32 bytes; then
// records of 32 bytes, little endian, each with a check, so that what a killed process left half
// written is told from what it wrote.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "deploy/fleetsim/fleet_identity.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::fleetsim {

enum class record_kind : std::uint8_t {
  acknowledged = 'A',  // the server has taken responsibility for `sequence`
  refused = 'F',  // it answered `sequence` with `reason`, 0x80 or above: it is not in the table
  boot = 'B',     // the device came up with `boot`
  loss = 'L',     // a connection ended with `sequence` messages unacknowledged
};

struct ack_record {
  record_kind kind = record_kind::acknowledged;
  std::uint8_t qos = 1;
  std::uint8_t reason = 0;
  std::uint32_t device = 0;
  std::uint32_t boot = 0;
  std::uint64_t sequence = 0;
  std::uint64_t unix_ns = 0;

  bool operator==(const ack_record&) const noexcept = default;
};

inline constexpr std::size_t record_size = 32;
inline constexpr std::size_t longest_header = 64 * 1024;

using record_bytes = std::array<char, record_size>;

record_bytes encode(const ack_record& r) noexcept;
/// Nothing where the bytes are no record: torn, damaged, or of an unknown kind.
std::optional<ack_record> decode_record(const char* bytes) noexcept;

/// Less than longest_header bytes for a fleet that nobody complains about.
std::string encode_header(const fleet_identity& fleet);
/// `line` without its line break.
result<fleet_identity> decode_header(std::string_view line);

}  // namespace fleetgate::fleetsim
