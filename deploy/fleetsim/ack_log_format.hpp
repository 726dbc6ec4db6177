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
#include <vector>

#include "protocol/base/bytes.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::fleetsim {

/// What must be the same for a later process to go on, and for `verify` to read a table.
struct fleet_identity {
  std::uint64_t seed = 0;
  std::uint32_t first_boot = 1;
  std::string device = "sim-{i}";  // {i}: the device's number
  std::vector<std::string> topics{"devices/{device}/telemetry"};
  std::size_t payload_bytes = 256;

  bool operator==(const fleet_identity&) const noexcept = default;

  [[nodiscard]] std::string device_name(std::uint32_t number) const;
  /// The number of the device of that name; nothing where it is not one of this fleet.
  [[nodiscard]] std::optional<std::uint32_t> device_number(std::string_view name) const;
  /// The topic that a message goes to: a device takes them in turn.
  [[nodiscard]] std::size_t topic_of(std::uint64_t sequence) const noexcept {
    return static_cast<std::size_t>(sequence % topics.size());
  }
  [[nodiscard]] std::string topic_name(std::size_t topic, std::uint32_t device_number) const;
};

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

/// At most longest_header bytes, or the topics are too many.
std::string encode_header(const fleet_identity& fleet);
/// `line` without its line break.
result<fleet_identity> decode_header(std::string_view line);

/// `pattern` with each `name` replaced by `value`.
std::string filled_in(std::string pattern, std::string_view name, std::string_view value);

}  // namespace fleetgate::fleetsim
