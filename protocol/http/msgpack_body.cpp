#include <bit>

#include "protocol/http/body_reader.hpp"
#include "protocol/native/value_reader.hpp"

namespace fleetgate::http {
namespace {

using native::value_reader;

constexpr auto no_bound = static_cast<std::size_t>(-1);

fault not_msgpack(const value_reader& in) {
  return fault(fault_code::request_malformed, "the body is not MessagePack at byte " +
                                                  std::to_string(in.why().offset) + ": " +
                                                  std::string(in.why().what));
}

std::uint8_t first_byte(byte_view value) noexcept {
  return value.empty() ? 0xC1 : std::to_integer<std::uint8_t>(value.front());
}

bool is_text(std::uint8_t first) noexcept {
  return (first & 0xE0) == 0xA0 || (first >= 0xD9 && first <= 0xDB);
}
bool is_whole_number(std::uint8_t first) noexcept {
  return first <= 0x7F || (first >= 0xCC && first <= 0xD3);
}
bool is_map(std::uint8_t first) noexcept {
  return (first & 0xF0) == 0x80 || first == 0xDE || first == 0xDF;
}

/// What stands in the value at the front of `value`, which is whole.
field_value value_of(byte_view value) noexcept {
  field_value v;
  v.whole = as_text(value);
  const std::uint8_t first = first_byte(value);
  value_reader in(value, 0);
  if (first == 0xC0) {
    v.is = field_value::kind::null;
  } else if (is_text(first)) {
    v.text = in.text(no_bound);
    if (in.ok()) v.is = field_value::kind::text;
  } else if (first >= 0xC4 && first <= 0xC6) {
    v.text = as_text(in.binary(no_bound));
    v.is = field_value::kind::bytes;
  } else if (is_whole_number(first)) {
    v.number = in.number(~std::uint64_t{0});
    if (in.ok()) v.is = field_value::kind::number;
  } else if (first == 0xCA || first == 0xCB) {
    byte_reader raw(value.subspan(1));
    v.decimal = first == 0xCA ? static_cast<double>(std::bit_cast<float>(raw.u32().value_or(0)))
                              : std::bit_cast<double>(raw.u64().value_or(0));
    v.is = field_value::kind::decimal;
  }
  return v;
}

/// The next value, whole; it is passed over.
byte_view take(value_reader& in) noexcept {
  const byte_view rest = in.rest();
  in.skip(1);
  return in.ok() ? rest.first(rest.size() - in.remaining()) : byte_view{};
}

complaint read_message(std::string_view device, value_reader& in, message& to) {
  if (!is_map(first_byte(in.rest()))) return fault(fault_code::request_malformed, "is no map");
  message_fields fields(body_encoding::msgpack);
  for (std::uint32_t left = in.map(); left != 0 && in.ok(); --left) {
    const auto name = in.text(no_bound);
    const byte_view value = take(in);
    if (!in.ok()) break;
    const auto f = parse_field(name);
    if (!f) return unknown_member(name);
    if (auto why = fields.set(*f, value_of(value))) return why;
  }
  if (!in.ok()) return not_msgpack(in);
  if (auto why = fields.finish(device)) return why;
  to = std::move(fields.made());
  return std::nullopt;
}

/// True where the map at the front of `body` has the member "messages"; it is then the only one.
bool is_batch(byte_view body) noexcept {
  value_reader in(body, 0);
  for (std::uint32_t left = in.map(); left != 0 && in.ok(); --left) {
    if (in.text(no_bound) == batch_member) return true;
    in.skip(1);
  }
  return false;
}

result<message_request> read_batch(std::string_view device, value_reader& in) {
  message_request r;
  r.is_batch = true;
  if (in.map() != 1) return tl::unexpected(not_a_batch());
  (void)in.text(no_bound);
  const std::uint32_t count = in.at_array() ? in.array() : 0;
  if (!in.ok()) return tl::unexpected(not_msgpack(in));
  if (count == 0) return tl::unexpected(not_a_batch());
  if (count > most_messages) return tl::unexpected(too_many_messages());
  for (std::size_t i = 0; i < count; ++i) {
    if (auto why = read_message(device, in, r.messages.emplace_back())) {
      return tl::unexpected(in.ok() ? at_message(std::move(*why), true, i) : *why);
    }
  }
  return r;
}

}  // namespace

result<message_request> read_msgpack(std::string_view device, byte_view body) {
  if (!is_map(first_byte(body))) return tl::unexpected(no_object());
  value_reader in(body, 0);
  auto r = is_batch(body) ? read_batch(device, in) : [&]() -> result<message_request> {
    message_request one;
    if (auto why = read_message(device, in, one.messages.emplace_back())) {
      return tl::unexpected(std::move(*why));
    }
    return one;
  }();
  if (r && in.remaining() != 0) {
    return failure(fault_code::request_malformed, "something follows the body's one value");
  }
  return r;
}

}  // namespace fleetgate::http
