// 32-bit payload hashes of the newest sequences of one inferred epoch, as a ring that grows with
// the span it has to cover. Owned by one epoch of one window; journal's thread. Limit: `most`
// entries (power of two).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "actors/dedup/sequence_set.hpp"
#include "protocol/base/bytes.hpp"

namespace fleetgate::dedup {

class payload_memory {
 public:
  static constexpr std::size_t largest = 512;

  /// The hash as it is remembered: never 0, which means "nothing remembered".
  static std::uint32_t fold(std::uint64_t payload_hash) noexcept {
    const auto h = static_cast<std::uint32_t>(payload_hash ^ payload_hash >> 32);
    return h == 0 ? 1 : h;
  }

  /// The folded hash of `sequence`, which must have been seen; 0 where it is not remembered.
  [[nodiscard]] std::uint32_t of(std::uint64_t sequence, std::uint64_t top) const noexcept;
  /// Remembers a sequence just inserted in `set`, whose top was `top_before` until then. The newest
  /// `most` sequence numbers are remembered.
  void note(std::uint64_t sequence, std::uint64_t top_before, const sequence_set& set,
            std::uint32_t folded, std::size_t most);
  [[nodiscard]] std::size_t heap_bytes() const noexcept { return size_ * sizeof(std::uint32_t); }

  void save(byte_writer& out) const;
  /// Nothing where the bytes contradict themselves.
  static std::optional<payload_memory> load(byte_reader& in);

 private:
  void grow(std::size_t size, std::uint64_t top);

  std::unique_ptr<std::uint32_t[]> ring_;
  std::uint16_t size_ = 0;  // power of two
};

}  // namespace fleetgate::dedup
