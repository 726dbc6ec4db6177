#include "protocol/mqtt/encode.hpp"

#include <cassert>
#include <variant>

#include "protocol/base/bytes.hpp"
#include "protocol/mqtt/reasons.hpp"
#include "protocol/mqtt/variable_int.hpp"

namespace fleetgate::mqtt {
namespace {

/// Writes one packet: the fixed header with room for a length of one byte, the body, and at last
/// the length, which moves the body where it needs more.
class packet_writer {
 public:
  packet_writer(packet_type type, std::uint8_t flags, protocol_version version, std::string& out)
      : bytes_(out), out_(out), v5_(version == protocol_version::v5) {
    bytes_.u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
    bytes_.u8(0);
    body_ = out.size();
  }

  void u8(std::uint8_t v) { bytes_.u8(v); }
  void u16(std::uint16_t v) { bytes_.u16(v); }
  void text(std::string_view s) {
    assert(s.size() <= 0xFFFF);
    bytes_.u16(static_cast<std::uint16_t>(s.size()));
    bytes_.raw(s);
  }
  void data(byte_view b) { text(as_text(b)); }
  void raw(byte_view b) { bytes_.raw(b); }
  void props(const properties& p) {
    if (!v5_) return;
    write_variable_int(static_cast<std::uint32_t>(p.bytes().size()), out_);
    bytes_.raw(p.bytes());
  }
  /// A reason and properties that are left out where they say nothing (section 3.4.2.1).
  void reason_and_props(std::uint8_t reason, const properties& p) {
    if (!v5_ || (reason == 0 && p.empty())) return;
    u8(reason);
    if (!p.empty()) props(p);
  }
  [[nodiscard]] bool v5() const noexcept { return v5_; }

  void finish() {
    const auto size = static_cast<std::uint32_t>(out_.size() - body_);
    assert(size <= maximum_variable_int);
    if (size <= 0x7F) {
      out_[body_ - 1] = static_cast<char>(size);
      return;
    }
    std::string length;
    write_variable_int(size, length);
    out_.replace(body_ - 1, 1, length);
  }

 private:
  byte_writer bytes_;
  std::string& out_;
  std::size_t body_ = 0;
  bool v5_;
};

std::uint8_t connect_flags(const connect_packet& p) noexcept {
  unsigned flags = p.clean_start ? 0x02u : 0u;
  if (p.will)
    flags |= 0x04u | static_cast<unsigned>(p.will->qos) << 3 | (p.will->retain ? 0x20u : 0u);
  if (p.password) flags |= 0x40u;
  if (p.user_name) flags |= 0x80u;
  return static_cast<std::uint8_t>(flags);
}

}  // namespace

void encode(const connect_packet& p, std::string& out) {
  packet_writer w(packet_type::connect, 0, p.version, out);
  w.text("MQTT");
  w.u8(static_cast<std::uint8_t>(p.version));
  w.u8(connect_flags(p));
  w.u16(p.keep_alive_s);
  w.props(p.props);
  w.text(p.client_id);
  if (p.will) {
    w.props(p.will->props);
    w.text(p.will->topic);
    w.data(p.will->payload);
  }
  if (p.user_name) w.text(*p.user_name);
  if (p.password) w.data(*p.password);
  w.finish();
}

void encode(const connack_packet& p, protocol_version version, std::string& out) {
  packet_writer w(packet_type::connack, 0, version, out);
  w.u8(p.session_present ? 1 : 0);
  w.u8(p.reason);
  w.props(p.props);
  w.finish();
}

void encode(const publish_packet& p, protocol_version version, std::string& out) {
  const auto flags =
      (p.dup ? 0x08u : 0u) | static_cast<unsigned>(p.qos) << 1 | (p.retain ? 1u : 0u);
  packet_writer w(packet_type::publish, static_cast<std::uint8_t>(flags), version, out);
  w.text(p.topic);
  if (p.qos != 0) w.u16(p.packet_id);
  w.props(p.props);
  w.raw(p.payload);
  w.finish();
}

void encode(const ack_packet& p, protocol_version version, std::string& out) {
  const std::uint8_t flags = p.type == packet_type::pubrel ? 2 : 0;
  if (p.reason == reason_success && p.props.empty()) {
    // Nearly all that a server sends; in MQTT 5 it may leave out both (section 3.4.2.1).
    const char bytes[] = {static_cast<char>(static_cast<unsigned>(p.type) << 4 | flags), 2,
                          static_cast<char>(p.packet_id >> 8), static_cast<char>(p.packet_id)};
    out.append(bytes, sizeof bytes);
    return;
  }
  packet_writer w(p.type, flags, version, out);
  w.u16(p.packet_id);
  w.reason_and_props(p.reason, p.props);
  w.finish();
}

void encode(const subscribe_packet& p, protocol_version version, std::string& out) {
  packet_writer w(packet_type::subscribe, 2, version, out);
  w.u16(p.packet_id);
  w.props(p.props);
  w.raw(p.filters);
  w.finish();
}

void encode(const suback_packet& p, protocol_version version, std::string& out) {
  packet_writer w(p.type, 0, version, out);
  w.u16(p.packet_id);
  w.props(p.props);
  if (w.v5() || p.type == packet_type::suback) w.raw(p.reasons);
  w.finish();
}

void encode(const unsubscribe_packet& p, protocol_version version, std::string& out) {
  packet_writer w(packet_type::unsubscribe, 2, version, out);
  w.u16(p.packet_id);
  w.props(p.props);
  w.raw(p.filters);
  w.finish();
}

void encode(const ping_packet& p, protocol_version version, std::string& out) {
  packet_writer w(p.type, 0, version, out);
  w.finish();
}

void encode(const farewell_packet& p, protocol_version version, std::string& out) {
  packet_writer w(p.type, 0, version, out);
  w.reason_and_props(p.reason, p.props);
  w.finish();
}

void encode(const packet& p, protocol_version version, std::string& out) {
  std::visit(
      [&](const auto& one) {
        if constexpr (std::is_same_v<decltype(one), const connect_packet&>) {
          encode(one, out);
        } else {
          encode(one, version, out);
        }
      },
      p);
}

void append(const subscription& s, std::string& filters) {
  append_filter(s.filter, filters);
  const auto options = static_cast<unsigned>(s.maximum_qos) | (s.no_local ? 0x04u : 0u) |
                       (s.retain_as_published ? 0x08u : 0u) |
                       static_cast<unsigned>(s.retain_handling) << 4;
  filters.push_back(static_cast<char>(options));
}

void append_filter(std::string_view filter, std::string& filters) {
  assert(filter.size() <= 0xFFFF);
  byte_writer w(filters);
  w.u16(static_cast<std::uint16_t>(filter.size()));
  w.raw(filter);
}

}  // namespace fleetgate::mqtt
