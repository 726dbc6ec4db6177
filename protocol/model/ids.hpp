// Names of things that travel: trace ids, spool positions, connections.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fleetgate::model {

/// 128 bits, W3C Trace Context's trace-id. All zero means none.
struct trace_id {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const trace_id&) const = default;
};

/// 32 lowercase hexadecimal digits.
std::string to_string(const trace_id& id);

/// The trace-id of a `traceparent` (W3C Trace Context, section 3.2): version 00 as specified, later
/// versions by its forward rule; nothing where it is malformed or all zero.
std::optional<trace_id> parse_traceparent(std::string_view s) noexcept;

/// Identity of a spool directory; made once, at random.
struct spool_uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const spool_uuid&) const = default;
};

/// 32 lowercase hexadecimal digits.
std::string to_string(const spool_uuid& id);
std::optional<spool_uuid> parse_spool_uuid(std::string_view s) noexcept;

/// A place in one spool. Ordered within one spool; recovery starts a new incarnation, so a position
/// is never given twice. lsn counts up node-wide over all lanes, from 1; 0 means before the first.
struct position {
  std::uint32_t incarnation = 0;
  std::uint64_t lsn = 0;
  auto operator<=>(const position&) const = default;
};

/// "incarnation-lsn".
std::string to_string(const position& p);
std::optional<position> parse_position(std::string_view s) noexcept;

/// Where a receipt is to be delivered: a slot of a shard's connection table. `generation` tells a
/// connection from an earlier one in the same slot and is never given twice by one process.
struct connection_ref {
  std::uint32_t slot = 0;
  std::uint16_t shard = 0;
  std::uint64_t generation = 0;  // 0: nobody
  auto operator<=>(const connection_ref&) const = default;
};

}  // namespace fleetgate::model
