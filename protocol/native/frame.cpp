#include "protocol/native/frame.hpp"

namespace fleetgate::native {
namespace {

struct opening {
  frame_type type = frame_type::hello;
  std::uint32_t fields = 0;
  std::uint8_t size = 0;  // of array header and type
};

using opened = std::variant<need_more, opening, decode_fault>;

/// Elements of the array whose header `in` begins with (MessagePack specification, Array format
/// family); nothing where the header is no array's, and 0 where it is not complete.
struct array_header {
  bool is_array = true;
  bool complete = false;
  std::uint32_t elements = 0;
};

array_header read_array_header(byte_reader& in) noexcept {
  const auto first = in.u8();
  if (!first) return {};
  if ((*first & 0xF0) == 0x90) return {true, true, static_cast<std::uint32_t>(*first & 0x0F)};
  if (*first == 0xDC) {
    const auto n = in.u16();
    return {true, n.has_value(), n.value_or(0)};
  }
  if (*first == 0xDD) {
    const auto n = in.u32();
    return {true, n.has_value(), n.value_or(0)};
  }
  return {false, true, 0};
}

/// Array header and type, at the front of a body that may not be complete.
opened open(byte_view body) noexcept {
  byte_reader in(body);
  const auto header = read_array_header(in);
  const auto fault = [&](std::string_view what) {
    return decode_fault{fault_code::malformed_packet, length_size, what};
  };
  if (!header.is_array) return fault("a frame is a MessagePack array");
  if (!header.complete) return need_more{};
  if (header.elements == 0) return fault("a frame without a type");
  const auto type = in.u8();
  if (!type) return need_more{};
  if (*type < static_cast<std::uint8_t>(frame_type::hello) ||
      *type > static_cast<std::uint8_t>(frame_type::goodbye)) {
    return decode_fault{fault_code::malformed_packet, length_size + in.offset() - 1,
                        "no such frame type"};
  }
  return opening{static_cast<frame_type>(*type), header.elements - 1,
                 static_cast<std::uint8_t>(in.offset())};
}

}  // namespace

framed next_frame(byte_view input, std::size_t maximum_size) noexcept {
  byte_reader in(input);
  const auto length = in.u32();
  if (!length) return need_more{};
  if (length_size + std::size_t{*length} > maximum_size) {
    return decode_fault{fault_code::packet_too_large, 0, "longer than the maximum frame"};
  }
  const bool complete = in.remaining() >= *length;
  const auto body = in.rest().first(complete ? *length : in.remaining());
  const auto got = open(body);
  if (const auto* bad = std::get_if<decode_fault>(&got)) return *bad;
  const auto* o = std::get_if<opening>(&got);
  if (!complete) return need_more{};
  if (o == nullptr) {
    return decode_fault{fault_code::malformed_packet, length_size, "a frame without a type"};
  }
  return frame{o->type, o->fields, static_cast<std::uint8_t>(length_size + o->size),
               body.subspan(o->size)};
}

std::optional<frame_type> announced_type(byte_view input) noexcept {
  if (input.size() < length_size) return std::nullopt;
  const auto got = open(input.subspan(length_size));
  if (const auto* o = std::get_if<opening>(&got)) return o->type;
  return std::nullopt;
}

bool may_receive(receiver side, frame_type type) noexcept {
  switch (type) {
    case frame_type::hello:
    case frame_type::publish:
    case frame_type::batch:
    case frame_type::command_ack:
      return side == receiver::server;
    case frame_type::welcome:
    case frame_type::ack:
    case frame_type::command:
    case frame_type::redirect:
      return side == receiver::client;
    case frame_type::ping:
    case frame_type::pong:
    case frame_type::goodbye:
      return true;
  }
  return false;
}

std::string_view to_string(frame_type type) noexcept {
  switch (type) {
    case frame_type::hello:
      return "hello";
    case frame_type::welcome:
      return "welcome";
    case frame_type::publish:
      return "publish";
    case frame_type::batch:
      return "batch";
    case frame_type::ack:
      return "ack";
    case frame_type::command:
      return "command";
    case frame_type::command_ack:
      return "command_ack";
    case frame_type::ping:
      return "ping";
    case frame_type::pong:
      return "pong";
    case frame_type::redirect:
      return "redirect";
    case frame_type::goodbye:
      return "goodbye";
  }
  return "";
}

}  // namespace fleetgate::native
