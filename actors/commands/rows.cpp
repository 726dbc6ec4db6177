#include "actors/commands/rows.hpp"

namespace fleetgate::commands {
namespace {

constexpr std::uint8_t format_version = 1;

bool get(byte_reader& r, std::string& s) {
  const auto text = r.text();
  if (text) s.assign(*text);
  return text.has_value();
}

bool get(byte_reader& r, std::int64_t& v) {
  const auto number = r.u64();
  if (number) v = static_cast<std::int64_t>(*number);
  return number.has_value();
}

/// An enumeration of `count` values.
template <class Enum>
bool get(byte_reader& r, Enum& v, std::uint8_t count) {
  const auto number = r.u8();
  if (!number || *number >= count) return false;
  v = static_cast<Enum>(*number);
  return true;
}

}  // namespace

std::string command_key(const contract::command& c) {
  std::string key = c.request.device;
  key.push_back('\0');
  byte_writer(key).u64(c.number);
  return key;
}

std::string encode_command(const contract::command& c) {
  std::string row;
  byte_writer w(row);
  w.u8(format_version);
  w.u64(c.number);
  w.text(c.id);
  w.text(c.request.device);
  w.text(c.request.name);
  w.text(c.request.content_type);
  w.text(c.request.payload);
  w.text(c.request.idempotency_key);
  w.u64(static_cast<std::uint64_t>(c.request.deadline_ns));
  w.u8(static_cast<std::uint8_t>(c.state));
  w.u8(static_cast<std::uint8_t>(c.result));
  w.text(c.answer);
  w.text(c.answer_content_type);
  w.u32(c.sent);
  w.u64(static_cast<std::uint64_t>(c.created_time_ns));
  w.u64(static_cast<std::uint64_t>(c.changed_time_ns));
  return row;
}

std::optional<contract::command> decode_command(byte_view row) {
  byte_reader r(row);
  if (r.u8() != format_version) return std::nullopt;
  contract::command c;
  const auto number = r.u64();
  if (!number) return std::nullopt;
  c.number = *number;
  const bool begins = get(r, c.id) && get(r, c.request.device) && get(r, c.request.name) &&
                      get(r, c.request.content_type) && get(r, c.request.payload) &&
                      get(r, c.request.idempotency_key) && get(r, c.request.deadline_ns) &&
                      get(r, c.state, contract::command_state_count) &&
                      get(r, c.result, contract::command_result_count) && get(r, c.answer) &&
                      get(r, c.answer_content_type);
  const auto sent = begins ? r.u32() : std::nullopt;
  if (!sent) return std::nullopt;
  c.sent = *sent;
  if (!get(r, c.created_time_ns) || !get(r, c.changed_time_ns) || !r.empty()) return std::nullopt;
  if (c.id.empty() || c.request.device.empty()) return std::nullopt;
  return c;
}

}  // namespace fleetgate::commands
