// One record of the spool as bytes: a fixed header, the payload, the texts. Encoder and decoder in
// one place; docs/wire/spool.md is their text. Pure; any thread. Limits: max_payload_bytes,
// model::max_text_bytes, checked before anything is allocated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/contract/spool_reader.hpp"
#include "protocol/base/bytes.hpp"
#include "protocol/model/envelope.hpp"

namespace fleetgate::spool {

inline constexpr std::size_t record_alignment = 8;
inline constexpr std::size_t record_header_bytes = 128;
inline constexpr std::size_t max_payload_bytes = 16 * 1024 * 1024;
/// No lsn or ordinal is higher; so arithmetic on them cannot overflow.
inline constexpr std::uint64_t highest_count = std::uint64_t{1} << 62;
inline constexpr std::size_t max_meta_bytes =
    model::stored_text_count * (2 + model::max_text_bytes) + record_alignment;

/// What the spool itself writes into a record.
struct record_stamp {
  std::uint64_t lsn = 0;
  std::uint64_t ordinal = 0;          // counts the lane's records from 1, without gaps
  std::uint64_t durable_ordinal = 0;  // the lane's watermark when the record was written
  std::uint64_t segment_ordinal = 0;  // of the first record of its segment
  std::uint32_t incarnation = 0;
};

/// What a header that bears its checksum says about its record.
struct record_header {
  record_stamp stamp;
  std::uint32_t payload_bytes = 0;
  std::uint32_t meta_bytes = 0;  // texts and padding

  [[nodiscard]] std::size_t total_bytes() const noexcept {
    return record_header_bytes + payload_bytes + meta_bytes;
  }
};

/// What every header checksum of one segment starts from. It keeps bytes that came from a device,
/// or from another spool, from ever being taken for a header.
std::uint64_t segment_seed(const model::spool_uuid& spool, std::uint64_t first_lsn) noexcept;

/// Owed or not by class and level; what can never pass lies apart.
[[nodiscard]] inline model::lane lane_of(const model::envelope& e) noexcept {
  return e.kind == model::record_kind::quarantined ? model::lane::quarantine
                                                   : model::lane_of(e.cls, e.level);
}

/// Bytes of the whole record, a multiple of record_alignment; 0 where a limit is exceeded.
std::size_t encoded_bytes(const model::envelope& e) noexcept;

/// Writes the record to the `total` bytes at `out`; `total` is encoded_bytes(e), which must not be
/// 0. `seed` is the segment's; `offset` is where the record will lie in its file.
void encode_record(const model::envelope& e, const record_stamp& stamp, std::uint64_t seed,
                   std::uint64_t offset, std::size_t total, char* out) noexcept;

/// Moves an encoded record to another lsn, segment and offset. Returns its size.
std::size_t restamp_record(char* record, std::uint64_t lsn, std::uint64_t segment_ordinal,
                           std::uint64_t seed, std::uint64_t offset) noexcept;

/// Nothing where `bytes` do not begin with a header made for this segment and offset.
std::optional<record_header> decode_header(byte_view bytes, std::uint64_t seed,
                                           std::uint64_t offset) noexcept;

/// `record` is the whole record that `header` was decoded from. False: damaged. Views in `out`
/// point into `record`.
bool decode_record(byte_view record, const record_header& header, model::lane in,
                   contract::stored_record& out) noexcept;

}  // namespace fleetgate::spool
