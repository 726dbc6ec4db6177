// One segment file: its name, its header, and a walk over its records that finds its way again
// after damage. Pure but for the reads it is given; any thread. Limit: a walk holds one
// window of the file, as large as the caller's chunk or one record.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/contract/file_layer.hpp"
#include "actors/spool/record.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::spool {

inline constexpr std::size_t segment_header_bytes = 128;
inline constexpr std::uint32_t format_version = 1;
inline constexpr std::size_t read_chunk_bytes = 256 * 1024;

/// 16 hexadecimal digits and ".seg".
std::string segment_name(std::uint64_t first_lsn);
std::optional<std::uint64_t> parse_segment_name(std::string_view name) noexcept;

struct segment_header {
  std::uint32_t version = format_version;
  model::lane in = model::lane::control_owed;
  model::spool_uuid spool;
  std::uint32_t incarnation = 0;
  std::uint64_t first_lsn = 0;
  /// Ends the segments before it: records of this or a higher ordinal in them are void. That is
  /// how what a failed sync left behind never comes back.
  std::uint64_t first_ordinal = 0;
  std::uint64_t previous_first_lsn = 0;  // 0: the lane's first segment, or its predecessor is gone
  std::uint64_t previous_end = 0;        // where the predecessor's records end
  /// The predecessor's first ordinal, so that its records can be counted where nothing of it is
  /// left; 0: not said.
  std::uint64_t previous_first_ordinal = 0;
  std::int64_t first_received_time_ns = 0;
  bool operator==(const segment_header&) const = default;
};

std::string encode_segment_header(const segment_header& h);
/// Nothing where the bytes are not a header that bears its checksum. `version` may be a later one.
std::optional<segment_header> decode_segment_header(byte_view bytes) noexcept;

/// Reads at an offset of one file, as contract::file::read_at.
using segment_read = std::function<result<std::size_t>(std::uint64_t, std::span<std::byte>)>;
/// By read_around. `file` must outlive it.
segment_read reading_around(contract::file& file);

/// Walks the records of one segment between two offsets, forward, skipping 8 bytes at a time where
/// no valid header is.
class segment_walk {
 public:
  enum class step : std::uint8_t {
    record,      // header() and bytes(): a header that bears its checksum, and what belongs to it
    need_bytes,  // call fill()
    end,
  };
  /// With `headers_only` the bodies are neither read nor shown.
  segment_walk(segment_read read, std::uint64_t seed, std::uint64_t from, std::uint64_t end,
               bool headers_only = false) noexcept
      : read_(std::move(read)),
        seed_(seed),
        offset_(from),
        end_(end),
        headers_only_(headers_only) {}

  step next() noexcept;
  /// next(), reading into `memory` as often as needed; true where there is a record.
  result<bool> next_in(std::vector<std::byte>& memory);
  /// Reads about `chunk` bytes on from where the walk stands into `memory`, which must stay until
  /// the next fill. Ends the walk early where the file is shorter. Faults: as the reads.
  result<void> fill(std::vector<std::byte>& memory, std::size_t chunk);

  [[nodiscard]] const record_header& header() const noexcept { return header_; }
  [[nodiscard]] byte_view bytes() const noexcept { return bytes_; }
  /// Where the walk stands: behind the last record, or where it looks for the next header.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

 private:
  segment_read read_;
  std::uint64_t seed_;
  std::uint64_t offset_;
  std::uint64_t end_;
  bool headers_only_;
  byte_view window_;
  std::uint64_t window_offset_ = 0;
  std::size_t needed_ = record_header_bytes;
  record_header header_;
  byte_view bytes_;
};

/// Where in a segment the records after `lsn` begin.
struct segment_place {
  std::uint64_t offset = segment_header_bytes;
  std::uint64_t next_ordinal = 0;  // of the record expected there; 0: not known
};
/// Looks at headers only, up to `end`. Faults: as the reads.
result<segment_place> find_place(segment_read read, std::uint64_t seed, std::uint64_t end,
                                 std::uint64_t lsn);

}  // namespace fleetgate::spool
