// What the tests of protocol/native share: frames written down as text, a handler that keeps a log,
// and a device that feeds a session in pieces.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/native/decode.hpp"
#include "protocol/native/encode.hpp"

namespace fleetgate::native {

/// Bytes from their notation: two hexadecimal digits are a byte, 'abc' is its ASCII, t'abc' is a
/// MessagePack text of up to 31 bytes, ## is the length of all that follows. Blanks mean nothing.
inline std::string bytes_of(std::string_view spec) {
  const auto digit = [](char c) {
    return c <= '9' ? c - '0' : c <= 'F' ? c - 'A' + 10 : c - 'a' + 10;
  };
  std::string out;
  for (std::size_t i = 0; i < spec.size();) {
    if (spec[i] == ' ' || spec[i] == '\n') {
      ++i;
    } else if (spec[i] == '#') {
      const auto rest = bytes_of(spec.substr(i + 2));
      byte_writer(out).u32(static_cast<std::uint32_t>(rest.size()));
      return out + rest;
    } else if (spec[i] == '\'' || spec[i] == 't') {
      const auto begin = spec.find('\'', i) + 1;
      const auto end = spec.find('\'', begin);
      if (spec[i] == 't') out.push_back(static_cast<char>(0xA0 | (end - begin)));
      out.append(spec.substr(begin, end - begin));
      i = end + 1;
    } else {
      out.push_back(static_cast<char>(digit(spec[i]) * 16 + digit(spec[i + 1])));
      i += 2;
    }
  }
  return out;
}

inline std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    if (!out.empty()) out.push_back(' ');
    out.push_back(digits[b >> 4]);
    out.push_back(digits[b & 15]);
  }
  return out;
}

inline std::string text(byte_view b) {
  return std::string(as_text(b));
}

/// The only frame in `bytes`; fails the test by an exception where there is none.
inline frame frame_of(std::string_view bytes) {
  const auto f = std::get<frame>(next_frame(as_bytes(bytes), 1 << 28));
  if (f.size() != bytes.size()) throw std::runtime_error("more than one frame");
  return f;
}

template <class Packet>
std::string encoded(const Packet& p) {
  std::string out;
  encode(p, out);
  return out;
}

inline receiver side_of(frame_type type) {
  return may_receive(receiver::server, type) ? receiver::server : receiver::client;
}

inline decoded<packet> decode_one(std::string_view bytes) {
  const auto f = frame_of(bytes);
  return decode(f, side_of(f.type));
}

}  // namespace fleetgate::native
