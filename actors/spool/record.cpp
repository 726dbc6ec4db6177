#include "actors/spool/record.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <string_view>

#include "actors/spool/little_endian.hpp"

namespace fleetgate::spool {
namespace {

constexpr std::uint32_t magic = 0x31524746;  // "FGR1"

// Offsets of the header's fields (docs/wire/spool.md, Record).
namespace at {
constexpr std::size_t magic = 0;
constexpr std::size_t payload_bytes = 4;
constexpr std::size_t meta_bytes = 8;
constexpr std::size_t incarnation = 12;
constexpr std::size_t lsn = 16;
constexpr std::size_t ordinal = 24;
constexpr std::size_t not_durable = 32;
constexpr std::size_t segment_index = 36;
constexpr std::size_t trace_high = 40;
constexpr std::size_t trace_low = 48;
constexpr std::size_t epoch = 56;
constexpr std::size_t sequence = 64;
constexpr std::size_t device_time = 72;
constexpr std::size_t received_time = 80;
constexpr std::size_t payload_checksum = 88;
constexpr std::size_t meta_checksum = 96;
constexpr std::size_t rule_version = 104;
constexpr std::size_t session_expiry = 108;
constexpr std::size_t packet_id = 112;
constexpr std::size_t kind = 114;
constexpr std::size_t cls = 115;
constexpr std::size_t level = 116;
constexpr std::size_t qos = 117;
constexpr std::size_t flags = 118;
constexpr std::size_t fault = 119;
constexpr std::size_t header_checksum = 120;
}  // namespace at

constexpr std::uint8_t flag_dup = 1;
constexpr std::uint8_t flag_sequence = 2;
constexpr std::uint8_t flag_clean_start = 4;
constexpr std::uint8_t flag_retain = 8;
constexpr unsigned epoch_from_shift = 4;

/// The last text is left out where it is empty: few messages have it.
constexpr std::size_t always_there = model::stored_text_count - 1;

std::size_t text_count(const model::envelope& e) noexcept {
  return e.properties.empty() ? always_there : model::stored_text_count;
}

std::uint64_t header_checksum(const void* header, std::uint64_t seed,
                              std::uint64_t offset) noexcept {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;  // spreads the offset over all bits
  return XXH3_64bits_withSeed(header, at::header_checksum, seed + offset * odd);
}

/// How far `before` lies back; beyond 32 bits as far as can be said, which claims less.
std::uint32_t distance(std::uint64_t ordinal, std::uint64_t before) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(ordinal - before, 0xFFFFFFFF));
}

std::uint8_t flags_of(const model::envelope& e) noexcept {
  return static_cast<std::uint8_t>((e.dup ? flag_dup : 0) | (e.sequence ? flag_sequence : 0) |
                                   (e.session.clean_start ? flag_clean_start : 0) |
                                   (e.retain ? flag_retain : 0) |
                                   static_cast<unsigned>(e.epoch_from) << epoch_from_shift);
}

void store_header(char* h, const model::envelope& e, const record_stamp& stamp,
                  std::uint32_t meta_bytes) noexcept {
  store_le(h + at::magic, magic);
  store_le(h + at::payload_bytes, static_cast<std::uint32_t>(e.payload.size()));
  store_le(h + at::meta_bytes, meta_bytes);
  store_le(h + at::incarnation, stamp.incarnation);
  store_le(h + at::lsn, stamp.lsn);
  store_le(h + at::ordinal, stamp.ordinal);
  store_le(h + at::not_durable, distance(stamp.ordinal, stamp.durable_ordinal));
  store_le(h + at::segment_index, distance(stamp.ordinal, stamp.segment_ordinal));
  store_le(h + at::trace_high, e.trace.high);
  store_le(h + at::trace_low, e.trace.low);
  store_le(h + at::epoch, e.epoch);
  store_le(h + at::sequence, e.sequence.value_or(0));
  store_le(h + at::device_time, static_cast<std::uint64_t>(e.device_time_ns));
  store_le(h + at::received_time, static_cast<std::uint64_t>(e.received_time_ns));
  store_le(h + at::rule_version, e.rule_version);
  store_le(h + at::session_expiry, e.session.expiry_interval_s);
  store_le(h + at::packet_id, e.packet_id);
  store_le(h + at::kind, static_cast<std::uint8_t>(e.kind));
  store_le(h + at::cls, static_cast<std::uint8_t>(e.cls));
  store_le(h + at::level, static_cast<std::uint8_t>(e.level));
  store_le(h + at::qos, e.qos);
  store_le(h + at::flags, flags_of(e));
  store_le(h + at::fault, static_cast<std::uint8_t>(e.fault));
}

/// False where a closed enum holds something this program does not know.
bool load_header_fields(const std::byte* h, model::envelope& e) noexcept {
  const auto u8 = [h](std::size_t offset) { return static_cast<std::uint8_t>(h[offset]); };
  const std::uint8_t flags = u8(at::flags);
  const unsigned epoch_from = flags >> epoch_from_shift & 3;
  if (u8(at::kind) > static_cast<std::uint8_t>(model::record_kind::session_close) ||
      u8(at::cls) >= model::traffic_class_count ||
      u8(at::level) > static_cast<std::uint8_t>(model::ack_level::committed) ||
      u8(at::fault) >= fault_count ||
      epoch_from > static_cast<unsigned>(model::epoch_origin::inferred)) {
    return false;
  }
  e.kind = static_cast<model::record_kind>(u8(at::kind));
  e.cls = static_cast<model::traffic_class>(u8(at::cls));
  e.level = static_cast<model::ack_level>(u8(at::level));
  e.fault = static_cast<fault_code>(u8(at::fault));
  e.epoch_from = static_cast<model::epoch_origin>(epoch_from);
  e.qos = u8(at::qos);
  e.dup = (flags & flag_dup) != 0;
  e.session.clean_start = (flags & flag_clean_start) != 0;
  e.retain = (flags & flag_retain) != 0;
  e.session.expiry_interval_s = load_le<std::uint32_t>(h + at::session_expiry);
  e.trace = {load_le<std::uint64_t>(h + at::trace_high), load_le<std::uint64_t>(h + at::trace_low)};
  e.epoch = load_le<std::uint64_t>(h + at::epoch);
  e.sequence.reset();
  if ((flags & flag_sequence) != 0) e.sequence = load_le<std::uint64_t>(h + at::sequence);
  e.device_time_ns = static_cast<std::int64_t>(load_le<std::uint64_t>(h + at::device_time));
  e.received_time_ns = static_cast<std::int64_t>(load_le<std::uint64_t>(h + at::received_time));
  e.rule_version = load_le<std::uint32_t>(h + at::rule_version);
  e.packet_id = load_le<std::uint16_t>(h + at::packet_id);
  return true;
}

bool load_text(byte_view& meta, std::string_view& text) noexcept {
  if (meta.size() < 2) return false;
  const std::size_t size = load_le<std::uint16_t>(meta.data());
  if (meta.size() - 2 < size) return false;
  text = as_text(meta.subspan(2, size));
  meta = meta.subspan(2 + size);
  return true;
}

bool load_texts(byte_view meta, model::envelope& e) noexcept {
  const auto texts = model::stored_texts(e);
  for (std::size_t i = 0; i < always_there; ++i) {
    if (!load_text(meta, *texts[i])) return false;
  }
  const bool has_properties = meta.size() >= 2 && load_le<std::uint16_t>(meta.data()) != 0;
  if (has_properties && !load_text(meta, *texts.back())) return false;
  return meta.size() < record_alignment;
}

}  // namespace

std::uint64_t segment_seed(const model::spool_uuid& spool, std::uint64_t first_lsn) noexcept {
  std::array<char, 24> key{};
  std::memcpy(key.data(), spool.bytes.data(), spool.bytes.size());
  store_le(key.data() + spool.bytes.size(), first_lsn);
  return XXH3_64bits(key.data(), key.size());
}

std::size_t encoded_bytes(const model::envelope& e) noexcept {
  if (e.payload.size() > max_payload_bytes) return 0;
  std::size_t total = record_header_bytes + e.payload.size();
  const auto texts = model::stored_texts(e);
  for (std::size_t i = 0; i < text_count(e); ++i) {
    if (texts[i]->size() > model::max_text_bytes) return 0;
    total += 2 + texts[i]->size();
  }
  return (total + record_alignment - 1) / record_alignment * record_alignment;
}

void encode_record(const model::envelope& e, const record_stamp& stamp, std::uint64_t seed,
                   std::uint64_t offset, std::size_t total, char* out) noexcept {
  assert(total != 0 && total == encoded_bytes(e));
  assert(e.payload_hash == 0 || e.payload_hash == XXH3_64bits(e.payload.data(), e.payload.size()));
  char* const h = out;
  char* const payload = h + record_header_bytes;
  char* const meta = payload + e.payload.size();
  const std::size_t meta_bytes = total - record_header_bytes - e.payload.size();

  store_header(h, e, stamp, static_cast<std::uint32_t>(meta_bytes));
  if (!e.payload.empty()) std::memcpy(payload, e.payload.data(), e.payload.size());
  char* p = meta;
  const auto texts = model::stored_texts(e);
  for (std::size_t i = 0; i < text_count(e); ++i) {
    store_le(p, static_cast<std::uint16_t>(texts[i]->size()));
    if (!texts[i]->empty()) std::memcpy(p + 2, texts[i]->data(), texts[i]->size());
    p += 2 + texts[i]->size();
  }
  std::fill(p, out + total, '\0');
  // The hash that dedup already has is the same function: no second pass over the payload.
  const std::uint64_t payload_hash =
      e.payload_hash != 0 ? e.payload_hash : XXH3_64bits(payload, e.payload.size());
  store_le(h + at::payload_checksum, payload_hash);
  store_le(h + at::meta_checksum, static_cast<std::uint64_t>(XXH3_64bits(meta, meta_bytes)));
  store_le(h + at::header_checksum, header_checksum(h, seed, offset));
}

std::size_t restamp_record(char* record, std::uint64_t lsn, std::uint64_t segment_ordinal,
                           std::uint64_t seed, std::uint64_t offset) noexcept {
  const auto* h = reinterpret_cast<const std::byte*>(record);
  store_le(record + at::lsn, lsn);
  store_le(record + at::segment_index,
           distance(load_le<std::uint64_t>(h + at::ordinal), segment_ordinal));
  store_le(record + at::header_checksum, header_checksum(record, seed, offset));
  return record_header_bytes + load_le<std::uint32_t>(h + at::payload_bytes) +
         load_le<std::uint32_t>(h + at::meta_bytes);
}

std::optional<record_header> decode_header(byte_view bytes, std::uint64_t seed,
                                           std::uint64_t offset) noexcept {
  if (bytes.size() < record_header_bytes) return std::nullopt;
  const std::byte* h = bytes.data();
  if (load_le<std::uint32_t>(h + at::magic) != magic) return std::nullopt;
  if (load_le<std::uint64_t>(h + at::header_checksum) != header_checksum(h, seed, offset)) {
    return std::nullopt;
  }
  record_header header;
  header.payload_bytes = load_le<std::uint32_t>(h + at::payload_bytes);
  header.meta_bytes = load_le<std::uint32_t>(h + at::meta_bytes);
  if (header.payload_bytes > max_payload_bytes || header.meta_bytes > max_meta_bytes ||
      header.total_bytes() % record_alignment != 0) {
    return std::nullopt;
  }
  record_stamp& stamp = header.stamp;
  stamp.lsn = load_le<std::uint64_t>(h + at::lsn);
  stamp.ordinal = load_le<std::uint64_t>(h + at::ordinal);
  stamp.incarnation = load_le<std::uint32_t>(h + at::incarnation);
  const std::uint64_t not_durable = load_le<std::uint32_t>(h + at::not_durable);
  const std::uint64_t segment_index = load_le<std::uint32_t>(h + at::segment_index);
  if (stamp.lsn == 0 || stamp.lsn > highest_count || stamp.ordinal > highest_count ||
      not_durable > stamp.ordinal || segment_index >= stamp.ordinal) {
    return std::nullopt;
  }
  stamp.durable_ordinal = stamp.ordinal - not_durable;
  stamp.segment_ordinal = stamp.ordinal - segment_index;
  return header;
}

bool decode_record(byte_view record, const record_header& header, model::lane in,
                   contract::stored_record& out) noexcept {
  if (record.size() != header.total_bytes()) return false;
  const std::byte* h = record.data();
  const byte_view payload = record.subspan(record_header_bytes, header.payload_bytes);
  const byte_view meta = record.subspan(record_header_bytes + header.payload_bytes);
  const std::uint64_t payload_hash = XXH3_64bits(payload.data(), payload.size());
  if (payload_hash != load_le<std::uint64_t>(h + at::payload_checksum)) return false;
  if (XXH3_64bits(meta.data(), meta.size()) != load_le<std::uint64_t>(h + at::meta_checksum)) {
    return false;
  }
  out = {};
  if (!load_header_fields(h, out.envelope) || !load_texts(meta, out.envelope)) return false;
  out.envelope.payload = payload;
  out.envelope.payload_hash = payload_hash;
  out.at = {header.stamp.incarnation, header.stamp.lsn};
  out.in = in;
  return lane_of(out.envelope) == in;
}

}  // namespace fleetgate::spool
