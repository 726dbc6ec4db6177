#include "actors/spool/segment.hpp"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "actors/spool/little_endian.hpp"
#include "actors/spool/read_around.hpp"

namespace fleetgate::spool {
namespace {

constexpr std::string_view segment_magic = "FGSPOOL1";
constexpr std::string_view suffix = ".seg";
constexpr std::size_t name_digits = 16;
constexpr std::size_t header_checksum_at = segment_header_bytes - 8;

}  // namespace

std::string segment_name(std::uint64_t first_lsn) {
  char digits[name_digits];
  const auto end = std::to_chars(digits, digits + name_digits, first_lsn, 16).ptr;
  const std::string_view number(digits, static_cast<std::size_t>(end - digits));
  return std::string(name_digits - number.size(), '0').append(number).append(suffix);
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) noexcept {
  if (name.size() != name_digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  std::uint64_t v = 0;
  const char* const end = name.data() + name_digits;
  const auto parsed = std::from_chars(name.data(), end, v, 16);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return v;
}

std::string encode_segment_header(const segment_header& h) {
  std::string out(segment_header_bytes, '\0');
  char* const p = out.data();
  std::copy(segment_magic.begin(), segment_magic.end(), p);
  store_le(p + 8, h.version);
  store_le(p + 12, static_cast<std::uint32_t>(h.in));
  std::memcpy(p + 16, h.spool.bytes.data(), h.spool.bytes.size());
  store_le(p + 32, h.first_lsn);
  store_le(p + 40, h.first_ordinal);
  store_le(p + 48, h.incarnation);
  store_le(p + 56, h.previous_first_lsn);
  store_le(p + 64, h.previous_end);
  store_le(p + 72, static_cast<std::uint64_t>(h.first_received_time_ns));
  store_le(p + 80, h.previous_first_ordinal);
  store_le(p + header_checksum_at, static_cast<std::uint64_t>(XXH3_64bits(p, header_checksum_at)));
  return out;
}

std::optional<segment_header> decode_segment_header(byte_view bytes) noexcept {
  if (bytes.size() < segment_header_bytes) return std::nullopt;
  const std::byte* p = bytes.data();
  if (as_text(bytes.first(segment_magic.size())) != segment_magic) return std::nullopt;
  if (load_le<std::uint64_t>(p + header_checksum_at) != XXH3_64bits(p, header_checksum_at))
    return std::nullopt;
  const auto in = load_le<std::uint32_t>(p + 12);
  segment_header h;
  h.version = load_le<std::uint32_t>(p + 8);
  if (in >= model::lane_count) return std::nullopt;
  h.in = static_cast<model::lane>(in);
  std::memcpy(h.spool.bytes.data(), p + 16, h.spool.bytes.size());
  h.first_lsn = load_le<std::uint64_t>(p + 32);
  h.first_ordinal = load_le<std::uint64_t>(p + 40);
  h.incarnation = load_le<std::uint32_t>(p + 48);
  h.previous_first_lsn = load_le<std::uint64_t>(p + 56);
  h.previous_end = load_le<std::uint64_t>(p + 64);
  h.first_received_time_ns = static_cast<std::int64_t>(load_le<std::uint64_t>(p + 72));
  h.previous_first_ordinal = load_le<std::uint64_t>(p + 80);
  if (h.first_ordinal == 0 || h.first_ordinal > highest_count || h.first_lsn == 0 ||
      h.first_lsn > highest_count) {
    return std::nullopt;
  }
  return h;
}

segment_read reading_around(contract::file& file) {
  return [&file](std::uint64_t offset, std::span<std::byte> into) {
    block_set unread;
    return read_around(file, offset, into, unread);
  };
}

segment_walk::step segment_walk::next() noexcept {
  for (;;) {
    if (offset_ >= end_ || end_ - offset_ < record_header_bytes) return step::end;
    const std::uint64_t window_end = window_offset_ + window_.size();
    const bool in_window = offset_ >= window_offset_ && offset_ <= window_end;
    const std::uint64_t have = in_window ? window_end - offset_ : 0;
    if (have < record_header_bytes) {
      needed_ = record_header_bytes;
      return step::need_bytes;
    }
    const byte_view rest = window_.subspan(static_cast<std::size_t>(offset_ - window_offset_));
    const auto header = decode_header(rest, seed_, offset_);
    if (!header || header->total_bytes() > end_ - offset_) {
      offset_ += record_alignment;
      continue;
    }
    if (!headers_only_ && have < header->total_bytes()) {
      needed_ = header->total_bytes();
      return step::need_bytes;
    }
    header_ = *header;
    bytes_ = headers_only_ ? byte_view{} : rest.first(header->total_bytes());
    offset_ += header->total_bytes();
    return step::record;
  }
}

result<void> segment_walk::fill(std::vector<std::byte>& memory, std::size_t chunk) {
  const std::uint64_t want = std::min<std::uint64_t>(std::max(chunk, needed_), end_ - offset_);
  memory.resize(static_cast<std::size_t>(want));
  const auto got = read_(offset_, memory);
  if (!got) return tl::unexpected<fault>(got.error());
  if (*got < want) end_ = offset_ + *got;
  window_ = byte_view(memory).first(*got);
  window_offset_ = offset_;
  return {};
}

result<bool> segment_walk::next_in(std::vector<std::byte>& memory) {
  for (;;) {
    switch (next()) {
      case step::record:
        return true;
      case step::end:
        return false;
      case step::need_bytes:
        if (auto filled = fill(memory, read_chunk_bytes); !filled) {
          return tl::unexpected<fault>(filled.error());
        }
        break;
    }
  }
}

result<segment_place> find_place(segment_read read, std::uint64_t seed, std::uint64_t end,
                                 std::uint64_t lsn) {
  std::vector<std::byte> memory;
  segment_walk walk(std::move(read), seed, segment_header_bytes, end, true);
  segment_place place;
  for (;;) {
    const auto found = walk.next_in(memory);
    if (!found) return tl::unexpected<fault>(found.error());
    if (!*found) return place;
    const record_stamp& stamp = walk.header().stamp;
    if (stamp.lsn > lsn) {
      if (place.next_ordinal == 0) place.next_ordinal = stamp.segment_ordinal;
      return place;
    }
    place = {walk.offset(), stamp.ordinal + 1};
  }
}

}  // namespace fleetgate::spool
