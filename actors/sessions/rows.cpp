#include "actors/sessions/rows.hpp"

#include <algorithm>

namespace fleetgate::sessions {
namespace {

constexpr std::uint8_t format_version = 1;

bool get_text(byte_reader& r, std::string& s) {
  const auto text = r.text();
  if (text) s.assign(*text);
  return text.has_value();
}

/// The value, or nothing and `ok` is false from then on.
template <class Int>
Int or_fail(std::optional<Int> v, bool& ok) {
  ok = ok && v.has_value();
  return v.value_or(0);
}

void put_message(byte_writer& w, const mqtt::forward_message& m) {
  w.text(m.topic);
  w.text(m.payload);
  w.text(m.props);
  w.text(m.publisher);
  w.u64(static_cast<std::uint64_t>(m.received_ns));
  w.u8(static_cast<std::uint8_t>(m.qos | (m.retain ? 4 : 0)));
}

bool get_message(byte_reader& r, mqtt::forward_message& m) {
  bool ok = get_text(r, m.topic) && get_text(r, m.payload) && get_text(r, m.props) &&
            get_text(r, m.publisher);
  m.received_ns = static_cast<std::int64_t>(or_fail(r.u64(), ok));
  const auto flags = or_fail(r.u8(), ok);
  m.qos = flags & 3;
  m.retain = (flags & 4) != 0;
  return ok && m.qos < 3 && !m.topic.empty();
}

bool begins_well(byte_reader& r) noexcept {
  return r.u8() == format_version;
}

byte_writer begin(std::string& row) {
  byte_writer w(row);
  w.u8(format_version);
  return w;
}

}  // namespace

std::string encode_session(const session& s) {
  std::string row;
  auto w = begin(row);
  w.u32(s.expiry_s);
  w.u64(0);  // unused; older versions note here when the client went
  w.u32(static_cast<std::uint32_t>(s.subscriptions.size()));
  for (const auto& [filter, granted] : s.subscriptions) {
    w.text(filter);
    w.u32(granted.identifier);
    w.u8(static_cast<std::uint8_t>(granted.qos | (granted.no_local ? 4 : 0) |
                                   (granted.retain_as_published ? 8 : 0) |
                                   (granted.retained_owed ? 16 : 0)));
  }
  return row;
}

bool decode_session(byte_view row, session& s) {
  byte_reader r(row);
  bool ok = begins_well(r);
  s.expiry_s = or_fail(r.u32(), ok);
  (void)or_fail(r.u64(), ok);
  for (auto left = or_fail(r.u32(), ok); ok && left != 0; --left) {
    std::string filter;
    held_subscription g;
    ok = get_text(r, filter);
    g.identifier = or_fail(r.u32(), ok);
    const auto options = or_fail(r.u8(), ok);
    g.qos = options & 3;
    g.no_local = (options & 4) != 0;
    g.retain_as_published = (options & 8) != 0;
    g.retained_owed = (options & 16) != 0;
    ok = ok && g.qos < 3;
    if (ok && g.retained_owed) {
      if (!s.replay) s.replay = std::make_unique<retained_replay>();
      ++s.replay->owed;
    }
    if (ok) s.subscriptions.emplace(std::move(filter), g);
  }
  return ok && r.empty();
}

std::string queue_key(std::string_view client_id, std::uint64_t number) {
  std::string key(client_id);
  byte_writer w(key);
  w.u8(0);  // no client id has it: MQTT 5.0 section 1.5.4
  w.u64(number);
  return key;
}

std::optional<std::string_view> client_of_queue_key(std::string_view key) noexcept {
  const auto end = key.find('\0');
  if (end == std::string_view::npos || key.size() != end + 9) return std::nullopt;
  return key.substr(0, end);
}

std::string encode_entry(const mqtt::outbox::entry& e) {
  std::string row;
  auto w = begin(row);
  w.u64(e.number);
  w.u16(e.packet_id);
  w.u8(static_cast<std::uint8_t>(e.what.qos | (e.what.retain ? 4 : 0) | (e.released ? 8 : 0)));
  w.u32(static_cast<std::uint32_t>(e.what.identifiers.size()));
  for (const auto id : e.what.identifiers) w.u32(id);
  put_message(w, *e.what.message);
  return row;
}

std::optional<mqtt::outbox::entry> decode_entry(byte_view row) {
  byte_reader r(row);
  mqtt::outbox::entry e;
  bool ok = begins_well(r);
  e.number = or_fail(r.u64(), ok);
  e.packet_id = or_fail(r.u16(), ok);
  const auto flags = or_fail(r.u8(), ok);
  e.what.qos = flags & 3;
  e.what.retain = (flags & 4) != 0;
  e.released = (flags & 8) != 0;
  for (auto left = or_fail(r.u32(), ok); ok && left != 0; --left) {
    e.what.identifiers.push_back(or_fail(r.u32(), ok));
  }
  mqtt::forward_message m;
  ok = ok && get_message(r, m) && r.empty() && (e.what.qos == 1 || e.what.qos == 2);
  if (!ok) return std::nullopt;
  e.what.message = std::make_shared<mqtt::forward_message>(std::move(m));
  return e;
}

std::string encode_message(const mqtt::forward_message& m) {
  std::string row;
  auto w = begin(row);
  put_message(w, m);
  return row;
}

std::optional<mqtt::forward_message> decode_message(byte_view row) {
  byte_reader r(row);
  mqtt::forward_message m;
  if (!begins_well(r) || !get_message(r, m) || !r.empty()) return std::nullopt;
  return m;
}

std::string encode_will(const contract::will& w, std::uint32_t delay_s) {
  std::string row;
  auto out = begin(row);
  out.u32(delay_s);
  put_message(out, w.message);
  return row;
}

std::optional<contract::will> decode_will(byte_view row) {
  byte_reader r(row);
  contract::will w;
  bool ok = begins_well(r);
  w.delay_s = or_fail(r.u32(), ok);
  if (!ok || !get_message(r, w.message) || !r.empty()) return std::nullopt;
  return w;
}

std::string due_will_key(std::uint64_t number) {
  std::string key;
  byte_writer w(key);
  w.u64(number);
  return key;
}

std::string encode_due_will(const contract::due_will& w) {
  std::string row;
  auto out = begin(row);
  out.text(w.client_id);
  put_message(out, w.what->message);
  return row;
}

std::optional<contract::due_will> decode_due_will(std::string_view key, byte_view row) {
  byte_reader k(as_bytes(key)), r(row);
  const auto number = k.u64();
  contract::due_will w;
  contract::will what;
  const bool ok = number && k.empty() && begins_well(r) && get_text(r, w.client_id) &&
                  get_message(r, what.message) && r.empty();
  if (!ok) return std::nullopt;
  w.number = *number;
  w.what = std::make_shared<contract::will>(std::move(what));
  return w;
}

std::string encode_cursor(const contract::cursor& c) {
  std::string row;
  auto w = begin(row);
  for (const auto b : c.spool.bytes) w.u8(b);
  for (const auto& p : c.lanes) {
    w.u32(p.incarnation);
    w.u64(p.lsn);
  }
  return row;
}

std::optional<contract::cursor> decode_cursor(byte_view row) {
  byte_reader r(row);
  contract::cursor c;
  bool ok = begins_well(r);
  for (auto& b : c.spool.bytes) b = or_fail(r.u8(), ok);
  for (auto& p : c.lanes) {
    p.incarnation = or_fail(r.u32(), ok);
    p.lsn = or_fail(r.u64(), ok);
  }
  if (!ok || !r.empty()) return std::nullopt;
  return c;
}

}  // namespace fleetgate::sessions
