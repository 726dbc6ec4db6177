// The few MQTT packets a load generator needs, written by hand so that it shares no bug with the
// gateway's codec. Pure. Packets to send are built once and patched in place; packets received are
// at most 64 KiB.
#pragma once

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace fleetgate::load {

inline constexpr std::size_t largest_received_packet = 64 * 1024;

inline void put_u16(std::string& to, std::size_t v) {
  to.push_back(static_cast<char>(v >> 8 & 0xFF));
  to.push_back(static_cast<char>(v & 0xFF));
}
inline void put_text(std::string& to, std::string_view text) {
  put_u16(to, text.size());
  to += text;
}
inline void put_length(std::string& to, std::size_t v) {
  do {
    const auto low = static_cast<unsigned char>(v & 0x7F);
    v >>= 7;
    to.push_back(static_cast<char>(v > 0 ? low | 0x80 : low));
  } while (v > 0);
}
inline std::string packet(unsigned char first, std::string_view body) {
  std::string out(1, static_cast<char>(first));
  put_length(out, body.size());
  out += body;
  return out;
}

struct connect_fields {
  int version = 4;
  std::string client_id;
  bool clean_start = true;
  std::uint16_t keep_alive_s = 60;
  std::uint32_t session_expiry_s = 0;  // MQTT 5 only
};

inline std::string connect_packet(const connect_fields& f) {
  std::string body;
  put_text(body, "MQTT");
  body.push_back(static_cast<char>(f.version));
  body.push_back(static_cast<char>(f.clean_start ? 2 : 0));
  put_u16(body, f.keep_alive_s);
  if (f.version == 5) {
    std::string properties;
    if (f.session_expiry_s > 0) {
      properties.push_back(0x11);
      put_u16(properties, f.session_expiry_s >> 16);
      put_u16(properties, f.session_expiry_s & 0xFFFF);
    }
    put_length(body, properties.size());
    body += properties;
  }
  put_text(body, f.client_id);
  return packet(0x10, body);
}

/// A PUBLISH whose packet id and payload sequence are patched in after copying. The payload is the
/// JSON object {"device":"d-<i>","boot":<b>,"seq":<n>,"pad":"xx.."} of always the same size.
class publish_template {
 public:
  struct fields {
    int version = 4;
    int qos = 1;
    std::string topic;
    std::uint32_t device = 0;
    std::uint64_t boot = 1;
    std::size_t payload_bytes = 256;
  };

  /// The smallest payload that holds the object for any device and sequence.
  static constexpr std::size_t smallest_payload = 96;

  explicit publish_template(const fields& f) {
    assert(f.payload_bytes >= smallest_payload);
    std::string payload = "{\"device\":\"d-" + std::to_string(f.device) +
                          "\",\"boot\":" + std::to_string(f.boot) + ",\"seq\":";
    const std::size_t sequence_in_payload = payload.size();
    payload.append(f.payload_bytes - payload.size() - 2, 'x');
    payload += "\"}";

    std::string body;
    put_text(body, f.topic);
    const std::size_t id_in_body = body.size();
    if (f.qos > 0) put_u16(body, 0);
    if (f.version == 5) body.push_back(0);
    const std::size_t payload_in_body = body.size();
    body += payload;

    bytes_ = packet(static_cast<unsigned char>(0x30 | f.qos << 1), body);
    const std::size_t header = bytes_.size() - body.size();
    id_at_ = f.qos > 0 ? header + id_in_body : 0;
    sequence_at_ = header + payload_in_body + sequence_in_payload;
  }

  void append_to(std::string& out, std::uint16_t id, std::uint64_t sequence, bool dup) const {
    const std::size_t at = out.size();
    out += bytes_;
    char* const p = out.data() + at;
    if (dup) *p = static_cast<char>(*p | 0x08);
    if (id_at_ > 0) {
      p[id_at_] = static_cast<char>(id >> 8);
      p[id_at_ + 1] = static_cast<char>(id & 0xFF);
    }
    // The longest number and the key together are shorter than the padding they overwrite.
    char* const end = std::to_chars(p + sequence_at_, p + sequence_at_ + 20, sequence).ptr;
    std::memcpy(end, ",\"pad\":\"", 8);
  }

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t id_at_ = 0;
  std::size_t sequence_at_ = 0;
};

/// PUBREL and its like: four bytes in both versions (MQTT 5 leaves out reason 0x00).
inline void append_release(std::string& out, std::uint16_t id) {
  const char bytes[4] = {0x62, 0x02, static_cast<char>(id >> 8), static_cast<char>(id & 0xFF)};
  out.append(bytes, sizeof bytes);
}

/// One packet cut from the front of `bytes`.
struct received_packet {
  unsigned type = 0;
  std::string_view body;
  std::size_t size = 0;  // of the whole packet; 0: not all of it is there yet
  bool malformed = false;
};

inline received_packet cut_packet(std::string_view bytes) noexcept {
  received_packet r;
  std::size_t length = 0;
  std::size_t at = 1;
  for (unsigned shift = 0;; shift += 7) {
    if (shift > 21) {
      r.malformed = true;
      return r;
    }
    if (at >= bytes.size()) return r;
    const auto digit = static_cast<unsigned char>(bytes[at++]);
    length |= static_cast<std::size_t>(digit & 0x7F) << shift;
    if ((digit & 0x80) == 0) break;
  }
  if (length > largest_received_packet) r.malformed = true;
  if (r.malformed || bytes.size() - at < length) return r;
  r.type = static_cast<unsigned char>(bytes[0]) >> 4;
  r.body = bytes.substr(at, length);
  r.size = at + length;
  return r;
}

inline std::uint16_t u16_at(std::string_view body, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(body[at]) << 8 |
                                    static_cast<unsigned char>(body[at + 1]));
}

/// The bytes that a property's value takes, from its identifier (MQTT 5.0 section 2.2.2.2).
inline std::optional<std::size_t> property_size(unsigned char id, std::string_view rest) noexcept {
  switch (id) {
    case 0x01:
    case 0x17:
    case 0x19:
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2A:
      return 1;
    case 0x13:
    case 0x21:
    case 0x22:
    case 0x23:
      return 2;
    case 0x02:
    case 0x11:
    case 0x18:
    case 0x27:
      return 4;
    case 0x26: {
      if (rest.size() < 2) return std::nullopt;
      const std::size_t key = 2 + std::size_t{u16_at(rest, 0)};
      if (rest.size() < key + 2) return std::nullopt;
      return key + 2 + u16_at(rest, key);
    }
    default:
      if (rest.size() < 2) return std::nullopt;
      return 2 + std::size_t{u16_at(rest, 0)};
  }
}

struct connack {
  unsigned char reason = 0;
  bool session_present = false;
  std::uint16_t receive_maximum = 65535;
};

inline std::optional<connack> parse_connack(std::string_view body, int version) noexcept {
  if (body.size() < 2) return std::nullopt;
  connack c;
  c.session_present = (body[0] & 1) != 0;
  c.reason = static_cast<unsigned char>(body[1]);
  if (version != 5 || body.size() < 3) return c;
  body.remove_prefix(
      3);  // the flags, the reason and, as no server here needs 128 bytes, the length
  while (!body.empty()) {
    const auto id = static_cast<unsigned char>(body[0]);
    body.remove_prefix(1);
    const auto size = property_size(id, body);
    if (!size || *size > body.size()) return std::nullopt;
    if (id == 0x21) c.receive_maximum = std::max<std::uint16_t>(1, u16_at(body, 0));
    body.remove_prefix(*size);
  }
  return c;
}

}  // namespace fleetgate::load
