#include <algorithm>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/reasons.hpp"
#include "protocol/mqtt/session.hpp"
#include "protocol/mqtt/topic.hpp"

// What each packet of a client does to the session. In MQTT 3.1.1 a client that is out of step (an
// identifier used again too early, a PUBREL before its PUBREC) is waited for, as old clients resend
// within a connection; MQTT 5 forbids that [MQTT-4.4.0-1], and there it is a protocol error.
namespace fleetgate::mqtt {
namespace {

/// It is a key in memory and on disk; 3.1.1 demands 23 of them.
constexpr std::size_t most_client_id_bytes = 1024;

}  // namespace

std::optional<decode_fault> session::refused_from_first_byte(std::byte first) const noexcept {
  if (auto f = check_first_byte(first)) return f;
  const auto type = static_cast<packet_type>(static_cast<std::uint8_t>(first) >> 4);
  const auto refused = [](fault_code code, std::string_view what) {
    return decode_fault{code, 0, what};
  };
  if (stage_ == stage::before_connect) {
    if (type == packet_type::connect) return std::nullopt;
    return refused(fault_code::protocol_error, "the first packet is no CONNECT [MQTT-3.1.0-1]");
  }
  if (type == packet_type::connect) {
    return refused(fault_code::protocol_error, "a second CONNECT [MQTT-3.1.0-2]");
  }
  if (type == packet_type::auth) {
    if (!v5()) return refused(fault_code::malformed_packet, "packet type 15 (3.1.1: 2.2.1)");
    return refused(fault_code::protocol_error, "AUTH without a method in CONNECT (4.12)");
  }
  if (!may_receive(receiver::server, type)) {
    return refused(fault_code::protocol_error, "only a server sends this (section 2.1.2)");
  }
  return std::nullopt;
}

flow session::take(const frame& f, session_handler& handler, std::string& out) {
  switch (f.type) {
    case packet_type::connect:
      take_connect(f, handler, out);
      break;
    case packet_type::publish:
      return take_publish(f, handler, out);
    case packet_type::puback:
    case packet_type::pubrec:
    case packet_type::pubrel:
    case packet_type::pubcomp:
      return take_ack(f, handler, out);
    case packet_type::subscribe:
      return take_subscribe(f, handler, out);
    case packet_type::unsubscribe:
      return take_unsubscribe(f, handler, out);
    case packet_type::pingreq:
      take_pingreq(f, out);
      break;
    case packet_type::disconnect:
      take_disconnect(f, handler, out);
      break;
    case packet_type::connack:
    case packet_type::suback:
    case packet_type::unsuback:
    case packet_type::pingresp:
    case packet_type::auth:
      break;  // refused from their first byte
  }
  return flow::go_on;
}

void session::take_connect(const frame& f, session_handler& handler, std::string& out) {
  const auto c = decode_connect(f);
  if (!c) {
    answer_in_version_of(f.body);
    return fail(c.error(), out);
  }
  stage_ = stage::waiting;
  const auto request = adopt(*c);
  if (const auto refused = check(*c)) return fail(*refused, out);
  handler.on_connect(request);
}

/// Nobody can be told in a language that is not known. A bridge sets the top bit of its version.
void session::answer_in_version_of(byte_view connect_body) noexcept {
  const auto level = announced_version(connect_body);
  if (!level) return;
  version_ = (*level & 0x7F) < 5 ? protocol_version::v3_1_1 : protocol_version::v5;
  stage_ = stage::waiting;
}

std::optional<decode_fault> session::check(const connect_packet& c) const noexcept {
  if (c.props.has(property_id::authentication_method)) {
    return decode_fault{fault_code::bad_authentication_method, 0,
                        "no extended authentication is offered [MQTT-4.12.0-1]"};
  }
  if (c.client_id.empty() && !c.clean_start && !v5()) {
    return decode_fault{fault_code::client_identifier_not_valid, 0,
                        "empty without Clean Session (3.1.1: [MQTT-3.1.3-8])"};
  }
  if (c.client_id.size() > most_client_id_bytes) {
    return decode_fault{fault_code::client_identifier_not_valid, 0,
                        "longer than 1,024 bytes [MQTT-3.1.3-8]"};
  }
  return std::nullopt;
}

connect_request session::adopt(const connect_packet& c) noexcept {
  const auto number = [&](property_id id, std::uint32_t absent) {
    return c.props.number(id).value_or(absent);
  };
  version_ = c.version;
  clean_start_ = c.clean_start;
  client_maximum_ = number(property_id::maximum_packet_size, client_maximum_);
  wants_reasons_ = number(property_id::request_problem_information, 1) != 0;

  keep_alive_s_ = c.keep_alive_s;
  const auto longest = limits_->maximum_keep_alive_s;
  keep_alive_capped_ = v5() && longest != 0 && (keep_alive_s_ == 0 || keep_alive_s_ > longest);
  if (keep_alive_capped_) keep_alive_s_ = longest;

  // Clean Session of 3.1.1 is both: a clean start, and an end with the connection.
  auto expiry = number(property_id::session_expiry_interval, 0);
  expires_at_once_ = expiry == 0;
  expiry_capped_ = expiry > limits_->maximum_session_expiry_s;
  if (expiry_capped_ || (!v5() && !c.clean_start)) expiry = limits_->maximum_session_expiry_s;

  connect_request r;
  r.version = c.version;
  r.client_id = c.client_id;
  r.client_id_assigned_needed = c.client_id.empty();
  r.clean_start = c.clean_start;
  r.keep_alive_s = keep_alive_s_;
  r.session_expiry_s = expiry;
  r.receive_maximum =
      static_cast<std::uint16_t>(number(property_id::receive_maximum, r.receive_maximum));
  r.maximum_packet_size = client_maximum_;
  r.topic_alias_maximum = static_cast<std::uint16_t>(number(property_id::topic_alias_maximum, 0));
  r.user_name = c.user_name;
  r.password = c.password;
  r.will = c.will;
  r.props = c.props;
  return r;
}

flow session::take_publish(const frame& f, session_handler& handler, std::string& out) {
  auto p = decode_publish(f, version_, receiver::server);
  if (!p) [[unlikely]] {
    fail(p.error(), out);
    return flow::go_on;
  }
  if (const auto refused = resolve_alias(*p)) [[unlikely]] {
    fail(*refused, out);
    return flow::go_on;
  }
  switch (p->qos) {
    case 0:
      return handler.on_publish(*p) == flow::pause && !closed() ? flow::pause : flow::go_on;
    case 1:
      return take_qos1(*p, handler, out);
    default:
      return take_qos2(*p, handler, out);
  }
}

/// Section 3.3.2.3.4.
std::optional<decode_fault> session::resolve_alias(publish_packet& p) {
  if (!p.props.has(property_id::topic_alias)) [[likely]]
    return std::nullopt;
  const auto alias = *p.props.number(property_id::topic_alias);
  if (alias > limits_->topic_alias_maximum) {
    return decode_fault{fault_code::topic_alias_invalid, 0,
                        "above Topic Alias Maximum [MQTT-3.3.2-9]"};
  }
  if (!p.topic.empty()) {
    if (aliases_.size() < alias) aliases_.resize(alias);
    aliases_[alias - 1].assign(p.topic);
    return std::nullopt;
  }
  if (aliases_.size() < alias || aliases_[alias - 1].empty()) {
    return decode_fault{fault_code::protocol_error, 0, "topic alias was never set (3.3.2.3.4)"};
  }
  p.topic = aliases_[alias - 1];
  return std::nullopt;
}

flow session::take_qos1(const publish_packet& p, session_handler& handler, std::string& out) {
  auto* known = in_flight_.find_qos1(p.packet_id);
  if (v5() && (known != nullptr || in_flight_.find_qos2(p.packet_id) != nullptr)) {
    return in_use("packet identifier in use [MQTT-2.2.1-3]", out);
  }
  if (!has_room()) return no_room(out);
  if (known != nullptr) {
    in_flight_.repeat(*known);
  } else {
    in_flight_.insert(p.packet_id, exchange::qos1_unanswered);
  }
  if (handler.on_publish(p) == flow::go_on || closed()) return flow::go_on;
  in_flight_.finish(*in_flight_.find_qos1(p.packet_id));
  return flow::pause;
}

/// Section 4.3.3, method A of the receiver: the message is taken once, however often it comes.
flow session::take_qos2(const publish_packet& p, session_handler& handler, std::string& out) {
  if (v5() && in_flight_.find_qos1(p.packet_id) != nullptr) {
    return in_use("packet identifier in use [MQTT-2.2.1-3]", out);
  }
  if (const auto* known = in_flight_.find_qos2(p.packet_id)) {
    switch (known->at) {
      case exchange::qos1_unanswered:
      case exchange::qos2_unanswered:
        handler.on_repeat();
        return flow::go_on;          // its PUBREC is on the way
      case exchange::qos2_recorded:  // [MQTT-4.3.3-10]
        handler.on_repeat();
        send_ack(packet_type::pubrec, p.packet_id, std::nullopt, out);
        return flow::go_on;
      case exchange::qos2_released:
      case exchange::release_only:
        return in_use("packet identifier before its PUBCOMP [MQTT-2.2.1-3]", out);
    }
  }
  if (!has_room()) return no_room(out);
  in_flight_.insert(p.packet_id, exchange::qos2_unanswered);
  if (handler.on_publish(p) == flow::go_on || closed()) return flow::go_on;
  in_flight_.finish(*in_flight_.find_qos2(p.packet_id));
  return flow::pause;
}

/// A 3.1.1 client knows no Receive Maximum: it may put all its messages before its first PUBREL.
/// Those that wait for it do not count there, or a pause would wait for what lies behind it; the
/// 65,535 identifiers bound them.
bool session::has_room() const noexcept {
  const std::size_t waiting_for_client = v5() ? 0 : in_flight_.recorded();
  return in_flight_.messages() - waiting_for_client < limits_->receive_maximum;
}

/// 3.1.1 has no Receive Maximum, so its client cannot be blamed.
flow session::no_room(std::string& out) {
  if (!v5()) return flow::pause;
  fail({fault_code::receive_maximum_exceeded, 0, "Receive Maximum [MQTT-3.3.4-7]"}, out);
  return flow::go_on;
}

flow session::in_use(std::string_view what, std::string& out) {
  if (!v5()) return flow::pause;
  fail({fault_code::protocol_error, 0, what}, out);
  return flow::go_on;
}

flow session::take_ack(const frame& f, session_handler& handler, std::string& out) {
  const auto p = decode_ack(f, version_);
  if (!p) {
    fail(p.error(), out);
    return flow::go_on;
  }
  if (p->type == packet_type::pubrel) return take_release(p->packet_id, handler, out);
  return handler.on_acknowledge(*p);
}

flow session::take_release(std::uint16_t packet_id, session_handler& handler, std::string& out) {
  const auto* known = in_flight_.find_qos2(packet_id);
  const auto before = known != nullptr ? known->at : exchange::release_only;
  if (known == nullptr) {
    if (in_flight_.releases() >= limits_->receive_maximum) return flow::pause;
    in_flight_.insert(packet_id, exchange::release_only);
  } else {
    switch (before) {
      case exchange::qos1_unanswered:
      case exchange::qos2_unanswered:
        return in_use("PUBREL before PUBREC [MQTT-4.3.3-4]", out);
      case exchange::qos2_released:
      case exchange::release_only:
        return flow::go_on;  // its PUBCOMP is on the way
      case exchange::qos2_recorded:
        break;
    }
    in_flight_.advance(*in_flight_.find_qos2(packet_id), exchange::qos2_released);
  }
  if (handler.on_release(packet_id) == flow::go_on || closed()) return flow::go_on;
  auto* e = in_flight_.find_qos2(packet_id);
  if (before == exchange::qos2_recorded) {
    in_flight_.advance(*e, exchange::qos2_recorded);
  } else {
    in_flight_.finish(*e);
  }
  return flow::pause;
}

/// 3.1.1 has no such reason, and its clients may use one identifier for both directions.
bool session::in_use_already(std::uint16_t packet_id) const noexcept {
  return v5() && in_flight_.contains(packet_id);
}

/// Whatever is granted, the answer has one byte a filter. [MQTT-3.1.2-24]
bool session::can_be_answered(const suback_packet& answer, std::string& out) {
  std::string written;
  if (fits(answer, written)) return true;
  fail({fault_code::packet_too_large, 0, "the answer exceeds the client's Maximum Packet Size"},
       out);
  return false;
}

flow session::take_subscribe(const frame& f, session_handler& handler, std::string& out) {
  const auto p = decode_subscribe(f, version_);
  if (!p) {
    fail(p.error(), out);
    return flow::go_on;
  }
  std::string reasons;
  auto filters = p->filters;
  while (next_subscription(filters)) {
    reasons.push_back(static_cast<char>(reason_packet_identifier_in_use));
  }
  const suback_packet in_use{packet_type::suback, p->packet_id, {}, as_bytes(reasons)};
  if (!can_be_answered(in_use, out)) return flow::go_on;
  if (!in_use_already(p->packet_id)) return handler.on_subscribe(*p);
  send(in_use, out);
  return flow::go_on;
}

flow session::take_unsubscribe(const frame& f, session_handler& handler, std::string& out) {
  const auto p = decode_unsubscribe(f, version_);
  if (!p) {
    fail(p.error(), out);
    return flow::go_on;
  }
  std::string reasons;
  auto filters = p->filters;
  while (next_filter(filters)) {
    reasons.push_back(static_cast<char>(reason_packet_identifier_in_use));
  }
  const suback_packet in_use{packet_type::unsuback, p->packet_id, {}, as_bytes(reasons)};
  if (!can_be_answered(in_use, out)) return flow::go_on;
  if (!in_use_already(p->packet_id)) return handler.on_unsubscribe(*p);
  send(in_use, out);
  return flow::go_on;
}

void session::take_pingreq(const frame& f, std::string& out) {
  if (const auto p = decode_ping(f, version_); !p) return fail(p.error(), out);
  in_flight_.shrink();  // only an idle client pings
  send(ping_packet{packet_type::pingresp}, out);
}

void session::take_disconnect(const frame& f, session_handler& handler, std::string& out) {
  const auto p = decode_farewell(f, version_, receiver::server);
  if (!p) return fail(p.error(), out);
  auto expiry = p->props.number(property_id::session_expiry_interval);
  if (expiry && *expiry != 0 && expires_at_once_) {
    return fail({fault_code::protocol_error, 0,
                 "session expiry set, though 0 in CONNECT (section 3.14.2.2.2)"},
                out);
  }
  if (expiry) expiry = std::min(*expiry, limits_->maximum_session_expiry_s);
  close();
  handler.on_disconnect(p->reason, expiry);
}

}  // namespace fleetgate::mqtt
