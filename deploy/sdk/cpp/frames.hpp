// The frames of docs/wire/native.md: a writer, and a reader that is bounded by the bytes that are
// there. Private to the client's source.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes.hpp"

namespace fleetgate::sdk::detail {

enum frame_type : std::uint8_t {
  hello = 1,
  welcome,
  publish_frame,
  batch,
  ack,
  command_frame,
  command_ack,
  ping,
  pong,
  redirect,
  goodbye,
};

inline constexpr std::uint64_t version = 1;
inline constexpr std::size_t length_size = 4;
inline constexpr std::size_t maximum_frame = 1 << 20;  // that we take

/// Writes one frame field by field. What is absent becomes nil, or nothing where no other follows.
class frame_writer {
 public:
  explicit frame_writer(frame_type type) { number(type); }

  frame_writer& number(std::uint64_t n) {
    begin();
    return put_number(n), *this;
  }
  frame_writer& text(std::string_view s) {
    begin();
    return put_text(s), *this;
  }
  frame_writer& binary(std::string_view b) {
    begin();
    return put_binary(b), *this;
  }
  frame_writer& array(std::size_t count) {
    begin();
    return put_array(count), *this;
  }
  frame_writer& absent() {
    ++absent_;
    return *this;
  }
  frame_writer& optional_text(std::string_view s) { return s.empty() ? absent() : text(s); }
  frame_writer& optional_binary(std::string_view s) { return s.empty() ? absent() : binary(s); }
  frame_writer& optional_number(std::uint64_t n) { return n == 0 ? absent() : number(n); }

  // Elements of an array.
  void put_nil() { body_.push_back('\xC0'); }
  void put_number(std::uint64_t n) {
    if (n <= 0x7F)
      body_.push_back(static_cast<char>(n));
    else
      sized(n, '\xCC', '\xCD', '\xCE');
  }
  void put_text(std::string_view s) {
    if (s.size() <= 31)
      body_.push_back(static_cast<char>(0xA0 | s.size()));
    else
      sized(s.size(), '\xD9', '\xDA', '\xDB');
    body_.append(s);
  }
  void put_binary(std::string_view b) {
    sized(b.size(), '\xC4', '\xC5', '\xC6');
    body_.append(b);
  }
  void put_array(std::size_t count) {
    if (count <= 15) return body_.push_back(static_cast<char>(0x90 | count));
    body_.push_back('\xDD');
    put_big_endian(body_, count, 4);
  }

  [[nodiscard]] std::string finish() const {
    std::string out;
    put_big_endian(out, body_.size() + 1, length_size);
    out.push_back(static_cast<char>(0x90 | fields_));
    return out + body_;
  }

 private:
  void begin() {
    for (; absent_ != 0; --absent_, ++fields_) put_nil();
    ++fields_;
  }
  void sized(std::uint64_t n, char in_1, char in_2, char in_4) {
    const int bytes = n <= 0xFF ? 1 : n <= 0xFFFF ? 2 : n <= 0xFFFF'FFFF ? 4 : 8;
    body_.push_back(bytes == 1 ? in_1 : bytes == 2 ? in_2 : bytes == 4 ? in_4 : '\xCF');
    put_big_endian(body_, n, bytes);
  }

  std::string body_;
  unsigned fields_ = 0;
  unsigned absent_ = 0;
};

/// A MessagePack value, as far as frames have them. Maps are arrays of keys and values.
struct value {
  enum class kind : std::uint8_t { nil, number, text, array, other };
  kind is = kind::nil;
  std::uint64_t number = 0;
  std::string text;
  std::vector<value> items;

  [[nodiscard]] bool present() const noexcept { return is != kind::nil; }
};

/// Reads one body. Everything is bounded by the bytes that are there.
class value_parser {
 public:
  explicit value_parser(std::string_view bytes) : in_(bytes) {}
  bool parse(value& out) { return parse(out, 0) && in_.empty(); }

 private:
  static constexpr int deepest = 8;

  bool take(std::size_t n, std::string_view& out) {
    if (n > in_.size()) return false;
    out = in_.substr(0, n);
    in_.remove_prefix(n);
    return true;
  }
  bool size(int bytes, std::uint64_t& n) {
    std::string_view raw;
    if (!take(static_cast<std::size_t>(bytes), raw)) return false;
    n = big_endian(raw);
    return true;
  }
  bool text(value& out, std::uint64_t n) {
    std::string_view raw;
    if (n > in_.size() || !take(static_cast<std::size_t>(n), raw)) return false;
    out.is = value::kind::text;
    out.text = raw;
    return true;
  }
  bool other(value& out, std::uint64_t n) {
    if (!text(out, n)) return false;
    out.is = value::kind::other;
    return true;
  }
  bool array(value& out, std::uint64_t n, int depth) {
    if (n > in_.size() || depth == deepest) return false;
    out.is = value::kind::array;
    for (; n != 0; --n) {
      if (!parse(out.items.emplace_back(), depth + 1)) return false;
    }
    return true;
  }
  bool number(value& out, int bytes, bool is_signed) {
    if (!size(bytes, out.number)) return false;
    const bool negative = is_signed && (out.number >> (8 * bytes - 1) & 1) != 0;
    out.is = negative ? value::kind::other : value::kind::number;
    return true;
  }
  bool sized_text(value& out, int bytes) {
    std::uint64_t n = 0;
    return size(bytes, n) && text(out, n);
  }
  bool sized_array(value& out, int bytes, int depth, unsigned each) {
    std::uint64_t n = 0;
    return size(bytes, n) && array(out, n * each, depth);
  }
  bool extension(value& out, int bytes) {
    std::uint64_t n = 0;
    return size(bytes, n) && other(out, n + 1);
  }

  bool parse(value& out, int depth) {
    std::uint64_t first = 0;
    if (!size(1, first)) return false;
    if (first <= 0x7F) {
      out.is = value::kind::number;
      out.number = first;
      return true;
    }
    if (first <= 0x8F) return array(out, 2 * (first & 0x0F), depth);
    if (first <= 0x9F) return array(out, first & 0x0F, depth);
    if (first <= 0xBF) return text(out, first & 0x1F);
    if (first >= 0xE0) return other(out, 0);
    switch (first) {
      case 0xC0:
        return true;
      case 0xC2:
      case 0xC3:
        return other(out, 0);
      case 0xC4:
      case 0xD9:
        return sized_text(out, 1);
      case 0xC5:
      case 0xDA:
        return sized_text(out, 2);
      case 0xC6:
      case 0xDB:
        return sized_text(out, 4);
      case 0xC7:
        return extension(out, 1);
      case 0xC8:
        return extension(out, 2);
      case 0xC9:
        return extension(out, 4);
      case 0xCA:
        return other(out, 4);
      case 0xCB:
        return other(out, 8);
      case 0xCC:
      case 0xCD:
      case 0xCE:
      case 0xCF:
        return number(out, 1 << (first - 0xCC), false);
      case 0xD0:
      case 0xD1:
      case 0xD2:
      case 0xD3:
        return number(out, 1 << (first - 0xD0), true);
      case 0xDC:
        return sized_array(out, 2, depth, 1);
      case 0xDD:
        return sized_array(out, 4, depth, 1);
      case 0xDE:
        return sized_array(out, 2, depth, 2);
      case 0xDF:
        return sized_array(out, 4, depth, 2);
      case 0xC1:
        return false;
      default:  // fixext: 0xD4 to 0xD8
        return other(out, (std::uint64_t{1} << (first - 0xD4)) + 1);
    }
  }

  std::string_view in_;
};

/// The fields of a frame that was received; absent ones are nil.
class fields {
 public:
  /// False where the body is no frame that a server sends.
  bool read(std::string_view body) {
    value whole;
    if (!value_parser(body).parse(whole) || whole.is != value::kind::array) return false;
    items_ = std::move(whole.items);
    if (items_.empty() || items_[0].is != value::kind::number) return false;
    switch (items_[0].number) {
      case welcome:
        return has(5);
      case ack:
        return has(2);
      case command_frame:
        return has(3);
      case redirect:
      case goodbye:
        return has(1);
      case ping:
      case pong:
        return true;
      default:
        return false;
    }
  }
  const value& operator[](std::size_t i) const {
    static const value nothing;
    return i < items_.size() ? items_[i] : nothing;
  }

 private:
  bool has(std::size_t count) const {
    for (std::size_t i = 1; i <= count; ++i) {
      if (!(*this)[i].present()) return false;
    }
    return true;
  }
  std::vector<value> items_;
};

}  // namespace fleetgate::sdk::detail
