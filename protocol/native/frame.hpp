// The outside of a frame (docs/wire/native.md, Frames): four bytes of length, then one MessagePack
// array whose first element is the type. Cuts one frame out of received bytes.
// Pure. Never allocates: a declared length is only compared with the caller's limit, and too long
// a frame is refused from its length, before its body arrives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "protocol/base/bytes.hpp"
#include "protocol/base/fault.hpp"

namespace fleetgate::native {

/// What this node speaks, lowest and highest.
inline constexpr std::uint8_t lowest_version = 1;
inline constexpr std::uint8_t highest_version = 1;

/// The first element of every frame. A new type needs a new version.
enum class frame_type : std::uint8_t {
  hello = 1,
  welcome,
  publish,
  batch,
  ack,
  command,
  command_ack,
  ping,
  pong,
  redirect,
  goodbye,
};

/// Who is to receive a frame. Some types go one way only.
enum class receiver : std::uint8_t { server, client };

/// Why bytes are not a frame. `offset` counts from the frame's first byte, its length included;
/// `what` is a literal.
struct decode_fault {
  fault_code code = fault_code::malformed_packet;
  std::size_t offset = 0;
  std::string_view what;
};

/// The length in front of each frame.
inline constexpr std::size_t length_size = 4;

struct frame {
  frame_type type = frame_type::hello;
  std::uint32_t fields = 0;      // elements after the type
  std::uint8_t header_size = 0;  // length, array header and type
  byte_view body;                // the elements after the type

  [[nodiscard]] std::size_t size() const noexcept { return header_size + body.size(); }
};

struct need_more {};

using framed = std::variant<need_more, frame, decode_fault>;

/// The frame at the front of `input`. One of more than `maximum_size` bytes (its length included)
/// is refused from its length, a type that does not exist as soon as it is there.
framed next_frame(byte_view input, std::size_t maximum_size) noexcept;

/// The type of a frame that need not be complete, so that the wrong one need not be waited for.
/// Nothing where it is not there yet, or is none.
std::optional<frame_type> announced_type(byte_view input) noexcept;

/// docs/wire/native.md, Frames: the types that this side may be sent.
bool may_receive(receiver side, frame_type type) noexcept;

/// As the wire document writes it.
std::string_view to_string(frame_type type) noexcept;

}  // namespace fleetgate::native
