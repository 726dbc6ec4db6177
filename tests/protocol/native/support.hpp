// What the tests of protocol/native share: frames written down as text, a handler that keeps a log,
// and a device that feeds a session in pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/native/decode.hpp"
#include "protocol/native/encode.hpp"
#include "protocol/native/session.hpp"

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

/// A publish that says only what it must.
inline std::string publication(std::uint64_t sequence, std::string_view payload = "x",
                               std::string_view stream = "s",
                               model::traffic_class cls = model::traffic_class::telemetry) {
  publish_packet p;
  p.header.cls = cls;
  p.header.stream = stream;
  p.message.sequence = sequence;
  p.message.payload = as_bytes(payload);
  return encoded(p);
}

/// A batch of one byte each, with the sequences from `first`.
inline std::string batch_of(std::uint64_t first, unsigned count) {
  list_bytes payloads;
  for (unsigned i = 0; i < count; ++i) append_payload(as_bytes("x"), payloads);
  batch_packet b;
  b.header.stream = "s";
  b.first_sequence = first;
  b.payloads = payloads.of();
  return encoded(b);
}

/// Frames in the words of the tests: "ack telemetry s ..5 7-9 !6 server_busy(0x89) retry 100".
inline std::string words_of(const packet& p) {
  if (const auto* a = std::get_if<ack_packet>(&p)) {
    std::string out = "ack " + std::string(to_string(a->cls)) + " " + std::string(a->stream);
    if (!a->device.empty()) out.append(" of ").append(a->device);
    if (a->boot) out += " boot " + std::to_string(*a->boot);
    if (a->up_to) out += " .." + std::to_string(*a->up_to);
    auto ranges = a->ranges;
    while (const auto r = next_range(ranges)) {
      out += " " + std::to_string(r->first) + "-" + std::to_string(r->last);
    }
    auto nacks = a->nacks;
    while (const auto n = next_nack(nacks)) {
      out += " !" + std::to_string(n->sequence) + " " + std::string(n->name);
      if (n->retry_after_ms) out += " retry " + std::to_string(*n->retry_after_ms);
    }
    return out;
  }
  if (const auto* w = std::get_if<welcome_packet>(&p)) {
    return "welcome v" + std::to_string(w->version) + " " + std::string(w->node) + " alive " +
           std::to_string(w->keep_alive_s);
  }
  if (const auto* g = std::get_if<goodbye_packet>(&p)) {
    std::string out = "goodbye " + std::string(g->name) + " (" + std::string(g->explanation) + ")";
    if (g->retry_after_ms) out += " retry " + std::to_string(*g->retry_after_ms);
    return out;
  }
  if (const auto* r = std::get_if<redirect_packet>(&p))
    return "redirect " + std::string(r->endpoint);
  if (const auto* c = std::get_if<command_packet>(&p)) {
    return "command " + std::string(c->id) + " " + std::string(c->name) + " " + text(c->payload);
  }
  if (const auto* q = std::get_if<ping_packet>(&p)) {
    return std::string(to_string(q->type)) + " " + std::to_string(q->number);
  }
  return "?";
}

inline std::vector<std::string> words_of(std::string_view bytes) {
  std::vector<std::string> out;
  while (!bytes.empty()) {
    const auto f = std::get<frame>(next_frame(as_bytes(bytes), 1 << 28));
    out.push_back(words_of(decode(f, receiver::client).value()));
    bytes.remove_prefix(f.size());
  }
  return out;
}

/// Writes down every call. By default says nothing to a hello and answers nothing else.
class recorder final : public session_handler {
 public:
  std::vector<std::string> log;
  std::vector<std::uint16_t> tickets;
  std::function<void(const hello_request&)> hello = [](const hello_request&) {};
  std::function<flow(const publish_view&)> publish = [](const publish_view&) {
    return flow::go_on;
  };

  void on_hello(const hello_request& r) override {
    log.push_back("hello " + std::string(r.hello.device));
    hello(r);
  }
  flow on_publish(const publish_view& p) override {
    const auto answer = publish(p);
    if (answer == flow::pause) return answer;
    tickets.push_back(p.ticket);
    log.push_back(std::string(p.header.topic) + " #" + std::to_string(p.message.sequence) + " " +
                  text(p.message.payload));
    return answer;
  }
  void on_command_ack(const command_ack_packet& p) override {
    log.push_back("answer " + std::string(p.id) + " " + std::to_string(static_cast<int>(p.status)) +
                  " " + text(p.payload));
  }
  void on_goodbye(const goodbye_packet& p) override {
    log.push_back("goodbye " + std::to_string(p.code));
  }
};

/// A session, its handler and its device's unsent bytes.
struct wire {
  explicit wire(session_limits l = {}) : limits(std::move(l)), it(limits, 0) {
    if (limits.node.empty()) limits.node = "node";
    handler.hello = [this](const hello_request&) { it.accept({}, out); };
  }

  session::progress::state feed(std::string_view bytes) {
    pending.append(bytes);
    const auto p = it.consume(as_bytes(pending), handler, out, now_ns);
    pending.erase(0, p.consumed);
    return p.why;
  }
  session::progress::state say_hello(std::uint16_t keep_alive_s = 60) {
    hello_packet h;
    h.device = "d1";
    h.boot = 5;
    h.keep_alive_s = keep_alive_s;
    return feed(encoded(h));
  }
  /// Says hello and forgets what that wrote.
  void open(std::uint16_t keep_alive_s = 60) {
    say_hello(keep_alive_s);
    out.clear();
    handler.log.clear();
  }
  /// Of the n-th message taken, from 0.
  void settle(std::size_t n, std::optional<fault_code> why = std::nullopt,
              std::optional<std::uint32_t> retry_after_ms = std::nullopt) {
    it.settle(handler.tickets.at(n), why, retry_after_ms, out);
  }
  std::vector<std::string> flushed() {
    it.flush(out);
    return words_of(std::exchange(out, {}));
  }

  session_limits limits;
  recorder handler;
  std::string out, pending;
  std::uint64_t now_ns = 0;
  session it;
};

}  // namespace fleetgate::native
