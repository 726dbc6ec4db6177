#include "actors/observe/trace_record.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace fleetgate::observe {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little-endian");

constexpr std::uint8_t none = 0xFF;
constexpr std::uint16_t no_fault = 0xFFFF;
constexpr std::uint8_t has_epoch = 1;
constexpr std::uint8_t has_sequence = 2;

/// As it lies in the file.
struct record_image {
  std::uint64_t number;
  std::int64_t time_ns;
  std::uint8_t event;
  std::uint8_t cls;
  std::uint8_t in;
  std::uint8_t flags;
  std::uint16_t fault;
  std::uint8_t subject_size;
  std::uint8_t reserved;
  std::uint64_t trace_high;
  std::uint64_t trace_low;
  std::uint64_t subject_hash;
  std::array<char, trace_subject_bytes> subject;
  std::uint64_t epoch;
  std::uint64_t sequence;
  std::uint32_t incarnation;
  std::uint32_t count;
  std::uint64_t first_lsn;
  std::uint64_t last_lsn;
  std::uint64_t duration_ns;
  std::uint64_t checksum;  // XXH3-64 of what lies before it
};
static_assert(sizeof(record_image) == trace_record_bytes);

std::uint64_t checksum_of(const record_image& i) noexcept {
  return XXH3_64bits(&i, sizeof i - sizeof i.checksum);
}

template <class Value>
std::uint8_t byte_of(const std::optional<Value>& v) noexcept {
  return v ? static_cast<std::uint8_t>(*v) : none;
}

/// False: beyond `count`.
template <class Value>
bool read_into(std::optional<Value>& to, std::size_t stored, std::size_t absent,
               std::size_t count) noexcept {
  if (stored == absent) return true;
  if (stored >= count) return false;
  to = static_cast<Value>(stored);
  return true;
}

}  // namespace

std::uint64_t trace_subject_hash(std::string_view subject) noexcept {
  return XXH3_64bits(subject.data(), subject.size());
}

trace_record_image encode_trace_record(const trace_note& note, std::uint64_t number,
                                       std::int64_t time_ns) noexcept {
  record_image i{};
  i.number = number;
  i.time_ns = time_ns;
  i.event = static_cast<std::uint8_t>(note.event);
  i.cls = byte_of(note.cls);
  i.in = byte_of(note.in);
  i.flags =
      static_cast<std::uint8_t>((note.epoch ? has_epoch : 0) | (note.sequence ? has_sequence : 0));
  i.fault = note.fault ? static_cast<std::uint16_t>(*note.fault) : no_fault;
  i.trace_high = note.trace.high;
  i.trace_low = note.trace.low;
  i.subject_hash = trace_subject_hash(note.subject);
  i.subject_size =
      static_cast<std::uint8_t>(std::min<std::size_t>(note.subject.size(), trace_subject_bytes));
  std::copy_n(note.subject.data(), i.subject_size, i.subject.begin());
  i.epoch = note.epoch.value_or(0);
  i.sequence = note.sequence.value_or(0);
  i.incarnation = note.incarnation;
  i.count = note.count;
  i.first_lsn = note.first_lsn;
  i.last_lsn = note.last_lsn;
  i.duration_ns = note.duration_ns;
  i.checksum = checksum_of(i);
  return std::bit_cast<trace_record_image>(i);
}

std::optional<trace_record> decode_trace_record(std::span<const std::byte> bytes) {
  record_image i{};
  if (bytes.size() != sizeof i) return std::nullopt;
  std::memcpy(&i, bytes.data(), sizeof i);
  if (i.number == 0 || i.checksum != checksum_of(i)) return std::nullopt;
  if (i.event >= model::trace_event_count || i.subject_size > trace_subject_bytes) {
    return std::nullopt;
  }
  trace_record r;
  trace_note& n = r.note;
  if (!read_into(n.cls, i.cls, none, model::traffic_class_count) ||
      !read_into(n.in, i.in, none, model::lane_count) ||
      !read_into(n.fault, i.fault, no_fault, fault_count)) {
    return std::nullopt;
  }
  r.number = i.number;
  r.time_ns = i.time_ns;
  r.subject.assign(i.subject.data(), i.subject_size);
  r.subject_hash = i.subject_hash;
  n.event = static_cast<model::trace_event>(i.event);
  n.trace = {i.trace_high, i.trace_low};
  if ((i.flags & has_epoch) != 0) n.epoch = i.epoch;
  if ((i.flags & has_sequence) != 0) n.sequence = i.sequence;
  n.incarnation = i.incarnation;
  n.count = i.count;
  n.first_lsn = i.first_lsn;
  n.last_lsn = i.last_lsn;
  n.duration_ns = i.duration_ns;
  return r;
}

}  // namespace fleetgate::observe
