// Bytes from outside: a reader that cannot run past its end, and a writer that appends.
// A sub-reader is cut from its parent, so a length can never exceed what holds it. Integers are
// big-endian (network order) unless the name says `le`.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fleetgate {

using byte_view = std::span<const std::byte>;

inline std::string_view as_text(byte_view b) noexcept {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

inline byte_view as_bytes(std::string_view s) noexcept {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

class byte_reader {
 public:
  explicit byte_reader(byte_view bytes) noexcept : bytes_(bytes), size_(bytes.size()) {}

  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  /// Bytes consumed so far.
  [[nodiscard]] std::size_t offset() const noexcept { return size_ - bytes_.size(); }
  [[nodiscard]] byte_view rest() const noexcept { return bytes_; }

  std::optional<std::uint8_t> u8() noexcept {
    if (bytes_.empty()) return std::nullopt;
    const auto v = static_cast<std::uint8_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return v;
  }
  std::optional<std::uint16_t> u16() noexcept { return big_endian<std::uint16_t>(); }
  std::optional<std::uint32_t> u32() noexcept { return big_endian<std::uint32_t>(); }
  std::optional<std::uint64_t> u64() noexcept { return big_endian<std::uint64_t>(); }

  /// The next `n` bytes, consumed; nothing where fewer remain.
  std::optional<byte_view> take(std::size_t n) noexcept {
    if (n > bytes_.size()) return std::nullopt;
    const auto v = bytes_.first(n);
    bytes_ = bytes_.subspan(n);
    return v;
  }

  /// What byte_writer::text wrote, consumed; nothing where it is not all there.
  std::optional<std::string_view> text() noexcept {
    const auto size = u32();
    const auto bytes = size ? take(*size) : std::nullopt;
    return bytes ? std::optional(as_text(*bytes)) : std::nullopt;
  }

  /// A reader over the next `n` bytes, which are consumed here.
  std::optional<byte_reader> sub(std::size_t n) noexcept {
    if (auto v = take(n)) return byte_reader(*v);
    return std::nullopt;
  }

 private:
  template <class Int>
  std::optional<Int> big_endian() noexcept {
    if (bytes_.size() < sizeof(Int)) return std::nullopt;
    Int v = 0;
    for (std::size_t i = 0; i < sizeof(Int); ++i) {
      v = static_cast<Int>(static_cast<std::uint64_t>(v) << 8 |
                           static_cast<std::uint64_t>(bytes_[i]));
    }
    bytes_ = bytes_.subspan(sizeof(Int));
    return v;
  }

  byte_view bytes_;
  std::size_t size_;
};

/// Appends to a string that the caller owns (and reuses, so that the hot path does not allocate).
class byte_writer {
 public:
  explicit byte_writer(std::string& out) noexcept : out_(out) {}

  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(std::uint16_t v) { big_endian(v); }
  void u32(std::uint32_t v) { big_endian(v); }
  void u64(std::uint64_t v) { big_endian(v); }
  void raw(byte_view b) { out_.append(as_text(b)); }
  void raw(std::string_view s) { out_.append(s); }
  /// Its number of bytes (4), and its bytes.
  void text(std::string_view s) {
    u32(static_cast<std::uint32_t>(s.size()));
    raw(s);
  }
  [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }

 private:
  template <class Int>
  void big_endian(Int v) {
    char b[sizeof(Int)];
    for (std::size_t i = 0; i < sizeof(Int); ++i) {
      b[i] = static_cast<char>(v >> (8 * (sizeof(Int) - 1 - i)) & 0xFF);
    }
    out_.append(b, sizeof(Int));
  }

  std::string& out_;
};

}  // namespace fleetgate
