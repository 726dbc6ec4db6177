#include "actors/observe/trace_file.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace fleetgate::observe {
namespace {

constexpr std::array<char, 8> magic{'F', 'G', 'T', 'R', 'A', 'C', 'E', '\0'};
constexpr std::uint32_t version = 1;

/// As it lies in the file.
struct header_image {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t record_bytes;
  std::int64_t start_time_ns;
  std::uint32_t incarnation;
  std::uint32_t reserved;
  std::uint64_t anomalies;
  std::uint64_t ordinary;
  std::array<char, 64> node;  // the end is zero bytes
  std::array<char, 32> thread;
  std::array<char, 3936> unused;
  std::uint64_t zero;
  std::uint64_t checksum;  // XXH3-64 of what lies before it
};
static_assert(sizeof(header_image) == trace_head_bytes);

std::uint64_t checksum_of(const header_image& i) noexcept {
  return XXH3_64bits(&i, sizeof i - sizeof i.checksum);
}

template <std::size_t Size>
void put(std::array<char, Size>& to, const std::string& text) noexcept {
  std::copy_n(text.data(), std::min(text.size(), Size - 1), to.begin());
}

template <std::size_t Size>
std::string text_of(const std::array<char, Size>& from) {
  return {from.begin(), std::find(from.begin(), from.end(), '\0')};
}

}  // namespace

trace_head_image encode_trace_head(const trace_file_head& head) noexcept {
  header_image i{};
  i.magic = magic;
  i.version = version;
  i.record_bytes = trace_record_bytes;
  i.start_time_ns = head.start_time_ns;
  i.incarnation = head.incarnation;
  i.anomalies = head.anomalies;
  i.ordinary = head.ordinary;
  put(i.node, head.node);
  put(i.thread, head.thread);
  i.checksum = checksum_of(i);
  return std::bit_cast<trace_head_image>(i);
}

std::optional<trace_file_head> decode_trace_head(std::span<const std::byte> bytes) {
  header_image i{};
  if (bytes.size() < sizeof i) return std::nullopt;
  std::memcpy(&i, bytes.data(), sizeof i);
  const bool known = i.magic == magic && i.version == version &&
                     i.record_bytes == trace_record_bytes && i.checksum == checksum_of(i);
  if (!known || i.anomalies > most_ring_records || i.ordinary > most_ring_records) {
    return std::nullopt;
  }
  return trace_file_head{text_of(i.node), text_of(i.thread), i.start_time_ns,
                         i.incarnation,   i.anomalies,       i.ordinary};
}

}  // namespace fleetgate::observe
