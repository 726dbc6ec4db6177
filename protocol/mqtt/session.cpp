#include "protocol/mqtt/session.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"
#include "protocol/mqtt/reasons.hpp"
#include "protocol/mqtt/variable_int.hpp"

namespace fleetgate::mqtt {
namespace {

/// Of the longest protocol name there is, MQIsdp of MQTT 3.1, with its length and the version.
constexpr std::size_t name_and_version_size = 2 + 6 + 1;

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

std::uint64_t connect_timeout_ns(const session_limits& limits) noexcept {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(limits.connect_timeout).count());
}

}  // namespace

session::session(const session_limits& limits, std::uint64_t now_ns) noexcept
    : limits_(&limits), life_sign_ns_(now_ns) {}

session::progress session::consume(byte_view input, session_handler& handler, std::string& out,
                                   std::uint64_t now_ns) {
  using state = progress::state;
  if (hold_ != hold::none) {
    hold_ = hold::none;
    life_sign_ns_ = std::max(life_sign_ns_, now_ns);
  }
  std::size_t consumed = 0;
  while (stage_ != stage::closed) {
    const auto rest = input.subspan(consumed);
    if (stage_ == stage::waiting) {
      hold_ = hold::until_asked;
      return {consumed, state::waiting};
    }
    if (rest.empty()) return {consumed, state::need_more};
    if (const auto refused = refused_from_first_byte(rest.front())) {
      fail(*refused, out);
      break;
    }
    const auto maximum =
        stage_ == stage::connected ? limits_->maximum_packet_size : maximum_connect_size;
    const auto next = next_frame(rest, maximum);
    if (const auto* f = std::get_if<frame>(&next)) {
      if (take(*f, handler, out) == flow::pause) {
        hold_ = hold::until_consume;
        return {consumed, state::paused};
      }
      if (stage_ == stage::closed && closed_for_) break;
      consumed += f->size();
      life_sign_ns_ = now_ns;
    } else if (const auto* bad = std::get_if<decode_fault>(&next)) {
      if (stage_ == stage::before_connect && bad->code == fault_code::packet_too_large) {
        const auto body = rest.subspan(1u + read_variable_int(rest.subspan(1)).size);
        if (body.size() < name_and_version_size) return {consumed, state::need_more};
        answer_in_version_of(body.first(name_and_version_size));
      }
      fail(*bad, out);
    } else {
      return {consumed, state::need_more};
    }
  }
  return {consumed, state::closed};
}

void session::accept(std::string_view assigned_client_id, bool session_present, std::string& out) {
  if (stage_ != stage::waiting) return;  // the answer came too late
  stage_ = stage::connected;
  connack_packet p;
  p.session_present = session_present && !clean_start_;  // [MQTT-3.2.2-2]
  property_list props;
  if (v5()) {
    using id = property_id;
    if (expiry_capped_) props.add(id::session_expiry_interval, limits_->maximum_session_expiry_s);
    props.add(id::receive_maximum, limits_->receive_maximum);
    props.add(id::maximum_packet_size, limits_->maximum_packet_size);
    if (!assigned_client_id.empty()) {
      props.add(id::assigned_client_identifier, assigned_client_id);  // [MQTT-3.2.2-16]
    }
    props.add(id::topic_alias_maximum, limits_->topic_alias_maximum);
    props.add(id::shared_subscription_available, 0);
    if (keep_alive_capped_) props.add(id::server_keep_alive, keep_alive_s_);  // [MQTT-3.2.2-21]
    p.props = props.view();
  }
  send(p, out);
}

void session::refuse(fault_code why, std::string& out) {
  fail(fault(why), out);
}

void session::disconnect(fault_code why, std::string& out) {
  fail(fault(why), out);
}

void session::settle(std::uint16_t packet_id, std::uint8_t qos, std::optional<fault_code> why,
                     std::string& out) {
  if (qos == 1) {
    auto* e = in_flight_.find_qos1(packet_id);
    if (e == nullptr) return;
    in_flight_.finish(*e);
    send_ack(packet_type::puback, packet_id, why, out);
    return;
  }
  auto* e = in_flight_.find_qos2(packet_id);
  if (e == nullptr || e->at != exchange::qos2_unanswered) return;
  if (why && v5()) {
    in_flight_.finish(*e);  // section 4.3.3: after such a PUBREC no PUBREL comes
  } else {
    in_flight_.advance(*e, exchange::qos2_recorded);
  }
  send_ack(packet_type::pubrec, packet_id, why, out);
}

void session::complete(std::uint16_t packet_id, std::optional<fault_code> why, std::string& out) {
  auto* e = in_flight_.find_qos2(packet_id);
  if (e == nullptr) return;
  if (e->at != exchange::qos2_released && e->at != exchange::release_only) return;
  in_flight_.finish(*e);
  send_ack(packet_type::pubcomp, packet_id, why, out);
}

std::uint64_t session::deadline_ns() const noexcept {
  switch (stage_) {
    case stage::before_connect:
    case stage::waiting:
      return life_sign_ns_ + connect_timeout_ns(*limits_);
    case stage::connected:
      break;
    case stage::closed:
      return never;
  }
  if (keep_alive_s_ == 0) return never;
  return life_sign_ns_ + keep_alive_s_ * std::uint64_t{1'500'000'000};  // [MQTT-3.1.2-22]
}

bool session::on_time(std::uint64_t now_ns, std::string& out) {
  if (stage_ == stage::closed) return true;
  if (stage_ == stage::waiting || hold_ != hold::none) {
    life_sign_ns_ = std::max(life_sign_ns_, now_ns);
    if (stage_ == stage::connected && hold_ == hold::until_asked) hold_ = hold::none;
    return false;
  }
  if (now_ns < deadline_ns()) return false;
  const bool late_connect = stage_ == stage::before_connect;
  fail(fault(late_connect ? fault_code::connect_timeout : fault_code::keep_alive_timeout), out);
  return true;
}

std::size_t session::heap_bytes() const noexcept {
  std::size_t bytes = in_flight_.heap_bytes() + aliases_.capacity() * sizeof(std::string);
  for (const auto& a : aliases_) bytes += a.capacity() + 1;
  return bytes;
}

// A server must not send more than the client's Maximum Packet Size. [MQTT-3.1.2-24]
template <class Packet>
bool session::fits(const Packet& p, std::string& out) const {
  const auto before = out.size();
  encode(p, version_, out);
  if (out.size() - before <= client_maximum_) return true;
  out.resize(before);
  return false;
}

template <class Packet>
void session::send(const Packet& p, std::string& out) {
  if (fits(p, out)) return;
  closed_for_.emplace(fault_code::packet_too_large,
                      "the client's Maximum Packet Size is too small");
  close();
}

// For session_packets.cpp.
template bool session::fits(const suback_packet&, std::string&) const;
template void session::send(const ack_packet&, std::string&);
template void session::send(const suback_packet&, std::string&);
template void session::send(const ping_packet&, std::string&);

// Reason strings are for people; they are the first to go where a packet would be too large.
template <class Packet>
void session::send_with_reason_string(Packet p, const fault& why, std::string& out) const {
  property_list props;
  props.add(property_id::reason_string, to_string(why));
  p.props = props.view();
  if (fits(p, out)) return;
  p.props = {};
  (void)fits(p, out);
}

void session::send_ack(packet_type type, std::uint16_t packet_id, std::optional<fault_code> why,
                       std::string& out) {
  ack_packet p;
  p.type = type;
  p.packet_id = packet_id;
  if (!why || !v5()) return send(p, out);
  p.reason = reason_for(type, *why);
  if (!wants_reasons_) return send(p, out);  // [MQTT-3.1.2-29]
  send_with_reason_string(p, fault(*why), out);
}

void session::fail(const decode_fault& why, std::string& out) {
  fail(fault(why.code, std::string(why.what) + " at byte " + std::to_string(why.offset)), out);
}

void session::fail(fault why, std::string& out) {
  switch (stage_) {
    case stage::before_connect:
      break;  // [MQTT-3.14.0-1]; nor is the version known
    case stage::waiting:
      send_refusal(why, out);
      break;
    case stage::connected:
      if (v5()) {
        farewell_packet p;
        p.reason = reason_for(packet_type::disconnect, why.code);
        send_with_reason_string(p, why, out);
      }
      break;
    case stage::closed:
      return;
  }
  closed_for_ = std::move(why);
  close();
}

void session::send_refusal(const fault& why, std::string& out) const {
  connack_packet p;
  if (v5()) {
    p.reason = reason_for(packet_type::connack, why.code);
    send_with_reason_string(p, why, out);
  } else if (const auto code = return_code_v3(why.code)) {
    p.reason = *code;
    (void)fits(p, out);
  }
}

void session::close() noexcept {
  stage_ = stage::closed;
  hold_ = hold::none;
  in_flight_ = {};
  aliases_ = std::vector<std::string>();  // frees, which = {} would not
}

}  // namespace fleetgate::mqtt
