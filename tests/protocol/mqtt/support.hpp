// What the tests of protocol/mqtt share: packets written down as text, a handler that keeps a log,
// and a client that feeds a session in pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"
#include "protocol/mqtt/session.hpp"

namespace fleetgate::mqtt {

inline constexpr auto v3 = protocol_version::v3_1_1;
inline constexpr auto v5 = protocol_version::v5;

inline std::string with_length(const std::string& bytes) {
  std::string out;
  auto n = bytes.size();
  for (; n > 0x7F; n >>= 7) out.push_back(static_cast<char>((n & 0x7F) | 0x80));
  out.push_back(static_cast<char>(n));
  return out + bytes;
}

/// Bytes from their notation: two hexadecimal digits are a byte, 'abc' is its ASCII, s'abc' has its
/// two-byte length in front, ## is the Remaining Length of all that follows, {...} has its length
/// as a Variable Byte Integer in front, as properties have. Blanks mean nothing.
inline std::string bytes_of(std::string_view spec) {
  const auto digit = [](char c) {
    return c <= '9' ? c - '0' : c <= 'F' ? c - 'A' + 10 : c - 'a' + 10;
  };
  std::string out;
  for (std::size_t i = 0; i < spec.size();) {
    if (spec[i] == ' ') {
      ++i;
    } else if (spec[i] == '#') {
      return out + with_length(bytes_of(spec.substr(i + 2)));
    } else if (spec[i] == '{') {
      const auto end = spec.find('}', i);
      out += with_length(bytes_of(spec.substr(i + 1, end - i - 1)));
      i = end + 1;
    } else if (spec[i] == '\'' || spec[i] == 's') {
      const auto begin = spec.find('\'', i) + 1;
      const auto end = spec.find('\'', begin);
      if (spec[i] == 's') {
        out.push_back(static_cast<char>((end - begin) >> 8));
        out.push_back(static_cast<char>(end - begin));
      }
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

/// The only packet in `bytes`; fails the test by an exception where there is none.
inline frame frame_of(std::string_view bytes) {
  const auto f = std::get<frame>(next_frame(as_bytes(bytes), 1 << 28));
  if (f.size() != bytes.size()) throw std::runtime_error("more than one packet");
  return f;
}

template <class Packet>
std::string encoded(const Packet& p, protocol_version version) {
  std::string out;
  if constexpr (std::is_same_v<Packet, connect_packet>) {
    encode(p, out);
  } else {
    encode(p, version, out);
  }
  return out;
}

/// Writes down every call. By default accepts at once and answers nothing else.
class recorder final : public session_handler {
 public:
  std::vector<std::string> log;
  flow answered = flow::go_on;  // to what the sessions stage is told
  std::function<void(const connect_request&)> connect = [](const connect_request&) {};
  std::function<flow(const publish_view&)> publish = [](const publish_view&) {
    return flow::go_on;
  };
  std::function<flow(std::uint16_t)> release = [](std::uint16_t) { return flow::go_on; };

  void on_connect(const connect_request& r) override {
    log.push_back("connect " + std::string(r.client_id));
    connect(r);
  }
  flow on_publish(const publish_view& p) override {
    log.push_back("publish " + std::string(p.topic) + " " + text(p.payload) + " q" +
                  std::to_string(p.qos) + " #" + std::to_string(p.packet_id) +
                  (p.dup ? " dup" : "") + (p.retain ? " retain" : ""));
    return publish(p);
  }
  void on_repeat() override { log.push_back("repeat"); }
  flow on_release(std::uint16_t packet_id) override {
    log.push_back("release #" + std::to_string(packet_id));
    return release(packet_id);
  }
  flow on_subscribe(const subscribe_packet& p) override {
    std::string line = "subscribe #" + std::to_string(p.packet_id);
    auto filters = p.filters;
    while (const auto s = next_subscription(filters)) {
      line += " " + std::string(s->filter) + " q" + std::to_string(s->maximum_qos);
    }
    log.push_back(line);
    return answered;
  }
  flow on_unsubscribe(const unsubscribe_packet& p) override {
    std::string line = "unsubscribe #" + std::to_string(p.packet_id);
    auto filters = p.filters;
    while (const auto f = next_filter(filters)) line += " " + std::string(*f);
    log.push_back(line);
    return answered;
  }
  flow on_acknowledge(const ack_packet& p) override {
    log.push_back(std::string(to_string(p.type)) + " #" + std::to_string(p.packet_id) + " " +
                  std::to_string(p.reason));
    return answered;
  }
  void on_disconnect(std::uint8_t reason, std::optional<std::uint32_t> expiry) override {
    log.push_back("disconnect " + std::to_string(reason) +
                  (expiry ? " expiry " + std::to_string(*expiry) : ""));
  }
};

/// A session, its handler and its client's unsent bytes.
struct wire {
  explicit wire(session_limits l = {}) : limits(l), it(limits, 0) {
    handler.connect = [this](const connect_request& r) {
      it.accept(r.client_id_assigned_needed ? "assigned" : "", false, out);
    };
  }

  session::progress::state feed(std::string_view bytes) {
    pending.append(bytes);
    const auto p = it.consume(as_bytes(pending), handler, out, now_ns);
    pending.erase(0, p.consumed);
    return p.why;
  }
  session::progress::state feed_spec(std::string_view spec) { return feed(bytes_of(spec)); }

  /// Connects and forgets what that wrote.
  void open(protocol_version version) {
    feed_spec(version == protocol_version::v5 ? "10 ## s'MQTT' 05 02 003C 00 s'id'"
                                              : "10 ## s'MQTT' 04 02 003C s'id'");
    out.clear();
    handler.log.clear();
  }
  std::string sent() { return hex(std::exchange(out, {})); }

  session_limits limits;
  recorder handler;
  std::string out, pending;
  std::uint64_t now_ns = 0;
  session it;
};

}  // namespace fleetgate::mqtt
