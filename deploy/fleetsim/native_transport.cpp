#include "deploy/fleetsim/native_transport.hpp"

#include <algorithm>
#include <iterator>
#include <variant>

#include "deploy/fleetsim/payload.hpp"
#include "protocol/native/decode.hpp"

namespace fleetgate::fleetsim {
namespace {

constexpr std::uint32_t largest_received_frame = 64 * 1024;
/// Of a batch: its header without stream and topic; and what a sequence and a payload's length add.
constexpr std::size_t frame_overhead = 64;
constexpr std::size_t message_overhead = 16;
// MQTT 5.0 section 2.4.
constexpr std::uint8_t use_another_server = 0x9C;

tl::unexpected<fault> not_native(const native::decode_fault& why) {
  return failure(why.code, "from the server: " + std::string(why.what));
}

/// Who and what the device is does not change by trying again (docs/wire/native.md, Codes).
bool is_for_good(std::uint8_t reason) noexcept {
  constexpr std::uint8_t reasons[] = {0x81, 0x82, 0x84, 0x85, 0x86, 0x87};
  return std::find(std::begin(reasons), std::end(reasons), reason) != std::end(reasons);
}

event event_of(event::kind is, std::uint16_t id = 0, std::uint8_t reason = 0) noexcept {
  event e;
  e.is = is;
  e.id = id;
  e.reason = reason;
  return e;
}

}  // namespace

native_transport::native_transport(const connection_settings& connection,
                                   const native_settings& settings,
                                   const std::vector<std::string>& topics)
    : connection_(connection), settings_(settings) {
  lanes_.reserve(topics.size());
  for (const std::string& topic : topics) {
    if (lane_of(topic) == nullptr) lanes_.emplace_back().topic = topic;
  }
}

void native_transport::connect(const introduction& who, std::string& out) {
  device_ = who.device;
  welcome_ = false;
  for (lane& l : lanes_) {
    l.name = stream_of(l.topic, device_);
    l.flights.clear();
    l.sequences.clear();
    l.payloads.clear();
  }
  native::hello_packet p;
  p.device = device_;
  p.boot = who.boot;
  if (connection_.user_name) p.user = *connection_.user_name;
  if (connection_.password) p.token = as_bytes(*connection_.password);
  p.keep_alive_s = connection_.keep_alive_s;
  p.maximum_frame = largest_received_frame;
  p.agent = "fleetsim";
  native::encode(p, out);
}

// ---- what the device says
// ------------------------------------------------------------------------

void native_transport::send(const message& m, std::string& out) {
  lane& l = *lane_of(m.topic);
  if (!m.at.again) l.flights.push_back({m.at.sequence, m.at.id});
  if (settings_.batch == 1) {
    native::publish_packet p;
    p.header = header_of(l);
    p.message.sequence = m.at.sequence;
    p.message.payload = as_bytes(m.payload);
    return native::encode(p, out);
  }
  const std::size_t gathered = frame_overhead + 2 * l.topic.size() + l.payloads.elements.size() +
                               l.sequences.size() * message_overhead;
  if (gathered + m.payload.size() + message_overhead > maximum_frame_) write_batch(l, out);
  l.sequences.push_back(m.at.sequence);
  native::append_payload(as_bytes(m.payload), l.payloads);
  if (l.sequences.size() >= settings_.batch) write_batch(l, out);
}

void native_transport::complete(std::string& out) {
  for (lane& l : lanes_) write_batch(l, out);
}

void native_transport::write_batch(lane& l, std::string& out) {
  if (l.sequences.empty()) return;
  native::batch_packet p;
  p.header = header_of(l);
  p.first_sequence = l.sequences.front();
  p.payloads = l.payloads.of();
  native::list_bytes listed;
  if (l.sequences.back() - l.sequences.front() != l.sequences.size() - 1) {
    for (const std::uint64_t n : l.sequences) native::append_sequence(n, listed);
  }
  p.sequences = listed.of();
  native::encode(p, out);
  l.sequences.clear();
  l.payloads.clear();
}

void native_transport::ping(std::string& out) {
  native::encode(native::ping_packet{}, out);
}

void native_transport::goodbye(std::string& out) {
  native::encode(native::goodbye_packet{}, out);
}

native_transport::lane* native_transport::lane_of(std::string_view topic) noexcept {
  const auto found = std::find_if(lanes_.begin(), lanes_.end(),
                                  [topic](const lane& l) { return l.topic == topic; });
  return found == lanes_.end() ? nullptr : &*found;
}

native::message_header native_transport::header_of(const lane& l) const noexcept {
  native::message_header h;
  h.cls = l.name.cls;
  h.stream = l.name.stream;
  if (l.name.tells_topic) h.topic = l.topic;
  return h;
}

// ---- what the server says
// ------------------------------------------------------------------------

result<std::size_t> native_transport::take(byte_view received, std::vector<event>& events,
                                           std::string& out) {
  std::size_t done = 0;
  for (;;) {
    const native::framed next = native::next_frame(received.subspan(done), largest_received_frame);
    if (std::holds_alternative<native::need_more>(next)) return done;
    if (const auto* bad = std::get_if<native::decode_fault>(&next)) return not_native(*bad);
    const auto& f = std::get<native::frame>(next);
    if (auto understood = understand(f, events, out); !understood) {
      return tl::unexpected(understood.error());
    }
    done += f.size();
  }
}

result<void> native_transport::understand(const native::frame& f, std::vector<event>& events,
                                          std::string& out) {
  const auto p = native::decode(f, native::receiver::client);
  if (!p) return not_native(p.error());
  if (const auto* welcome = std::get_if<native::welcome_packet>(&*p)) {
    events.push_back(meaning_of(*welcome));
  } else if (const auto* ack = std::get_if<native::ack_packet>(&*p)) {
    understand(*ack, events);
  } else if (const auto* bye = std::get_if<native::goodbye_packet>(&*p)) {
    events.push_back(ending(bye->code, bye->retry_after_ms));
  } else if (const auto* redirect = std::get_if<native::redirect_packet>(&*p)) {
    events.push_back(ending(use_another_server, redirect->retry_after_ms));
  } else if (const auto* command = std::get_if<native::command_packet>(&*p)) {
    native::encode(native::command_ack_packet{command->id, native::command_status::unknown, {}, {}},
                   out);
    events.push_back(event_of(event::kind::alive));
  } else if (const auto* ping = std::get_if<native::ping_packet>(&*p)) {
    if (ping->type == native::frame_type::ping) {
      native::encode(native::ping_packet{native::frame_type::pong, ping->number}, out);
    }
    events.push_back(event_of(event::kind::alive));
  } else {
    events.push_back(event_of(event::kind::unexpected));
  }
  return {};
}

/// The window keeps to the smallest credit of the classes in use, so that no frame goes beyond one.
event native_transport::meaning_of(const native::welcome_packet& p) {
  if (welcome_) return event_of(event::kind::unexpected);
  welcome_ = true;
  maximum_frame_ = p.maximum_frame;
  event e = event_of(event::kind::connected);
  e.keep_alive_s = p.keep_alive_s;
  const std::size_t payload = payload_writer::longest(settings_.payload_bytes, device_.size());
  for (const lane& l : lanes_) {
    const native::credit& granted = p.credits[model::index(l.name.cls)];
    const std::uint64_t messages =
        std::min<std::uint64_t>(granted.messages, granted.bytes / payload);
    // A class that has no room for even one says so itself, and its goodbye is counted.
    e.most_in_flight =
        static_cast<std::uint16_t>(std::clamp<std::uint64_t>(messages, 1, e.most_in_flight));
  }
  return e;
}

/// Refusals come first: a final one is settled, too, and `up_to` passes it.
void native_transport::understand(const native::ack_packet& p, std::vector<event>& events) {
  const auto at = std::find_if(lanes_.begin(), lanes_.end(), [&p](const lane& l) {
    return l.name.stream == p.stream && l.name.cls == p.cls;
  });
  if (at == lanes_.end() || !p.device.empty() || p.boot) {
    return events.push_back(event_of(event::kind::unexpected));
  }
  auto& flights = at->flights;
  const auto from = [&flights](std::uint64_t sequence) {
    return std::lower_bound(flights.begin(), flights.end(), sequence,
                            [](const flight& f, std::uint64_t n) { return f.sequence < n; });
  };
  const auto acknowledge = [&](auto first, auto last) {
    for (auto f = first; f != last; ++f) {
      events.push_back(event_of(event::kind::acknowledged, f->id));
    }
    flights.erase(first, last);
  };
  native::list nacks = p.nacks;
  while (const auto n = native::next_nack(nacks)) {
    const auto f = from(n->sequence);
    if (f == flights.end() || f->sequence != n->sequence) {
      events.push_back(event_of(event::kind::unexpected));
      continue;
    }
    event e = event_of(n->retry_after_ms ? event::kind::sent_back : event::kind::acknowledged,
                       f->id, std::max(n->code, unspecified_error));
    e.retry_after_ms = n->retry_after_ms.value_or(0);
    events.push_back(e);
    if (!n->retry_after_ms) flights.erase(f);
  }
  native::list ranges = p.ranges;
  while (const auto r = native::next_range(ranges)) {
    const auto first = from(r->first);
    acknowledge(first, std::find_if(first, flights.end(),
                                    [&r](const flight& f) { return f.sequence > r->last; }));
  }
  if (p.up_to) acknowledge(flights.begin(), from(*p.up_to + 1));
}

event native_transport::ending(std::uint8_t reason,
                               std::optional<std::uint32_t> retry_after_ms) const {
  event e = event_of(welcome_ ? event::kind::closing : event::kind::turned_away, 0, reason);
  e.for_good = !welcome_ && is_for_good(reason);
  e.retry_after_ms = retry_after_ms.value_or(0);
  return e;
}

}  // namespace fleetgate::fleetsim
