#include "actors/dedup/payload_memory.hpp"

#include <algorithm>
#include <bit>

namespace fleetgate::dedup {
namespace {

constexpr std::size_t smallest = 8;

}  // namespace

std::uint32_t payload_memory::of(std::uint64_t sequence, std::uint64_t top) const noexcept {
  if (sequence > top || top - sequence >= size_) return 0;
  return ring_[sequence & (size_ - 1U)];
}

void payload_memory::note(std::uint64_t sequence, std::uint64_t top_before, const sequence_set& set,
                          std::uint32_t folded, std::size_t most) {
  const std::uint64_t span = set.top() - set.bottom() + 1;
  most = std::bit_floor(std::min(most, largest));
  if (span > size_ && size_ < most) {
    grow(span >= most ? most : std::max(smallest, std::bit_ceil(span)), top_before);
  }
  // Older than the ring reaches: its slot belongs to a newer sequence.
  if (set.top() - sequence < size_) ring_[sequence & (size_ - 1U)] = folded;
}

/// Only what the smaller ring still knew moves over; the rest of the larger one knows nothing.
void payload_memory::grow(std::size_t size, std::uint64_t top) {
  auto ring = std::make_unique<std::uint32_t[]>(size);
  for (std::uint64_t back = 0; back < size_ && back <= top; ++back) {
    ring[(top - back) & (size - 1)] = ring_[(top - back) & (size_ - 1U)];
  }
  ring_ = std::move(ring);
  size_ = static_cast<std::uint16_t>(size);
}

void payload_memory::save(byte_writer& out) const {
  out.u16(size_);
  for (std::size_t i = 0; i < size_; ++i) out.u32(ring_[i]);
}

std::optional<payload_memory> payload_memory::load(byte_reader& in) {
  payload_memory memory;
  const auto size = in.u16();
  if (!size || *size > largest || (*size != 0 && !std::has_single_bit(*size))) return std::nullopt;
  if (in.remaining() < std::size_t{*size} * 4) return std::nullopt;
  memory.size_ = *size;
  if (*size > 0) memory.ring_ = std::make_unique<std::uint32_t[]>(*size);
  for (std::size_t i = 0; i < *size; ++i) memory.ring_[i] = *in.u32();
  return memory;
}

}  // namespace fleetgate::dedup
