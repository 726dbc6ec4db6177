#include "deploy/fleetsim/mqtt_transport.hpp"

#include <charconv>
#include <variant>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"

namespace fleetgate::fleetsim {
namespace {

constexpr std::size_t largest_received_packet = 64 * 1024;
constexpr std::uint32_t session_expiry_s = 3600;

/// Decimal digits in a buffer of its own.
class decimal {
 public:
  explicit decimal(std::uint64_t n) noexcept
      : size_(static_cast<std::size_t>(std::to_chars(digits_, digits_ + sizeof digits_, n).ptr -
                                       digits_)) {}
  [[nodiscard]] std::string_view text() const noexcept { return {digits_, size_}; }

 private:
  char digits_[20];
  std::size_t size_;
};

tl::unexpected<fault> not_mqtt(const mqtt::decode_fault& why) {
  return failure(why.code, "from the server: " + std::string(why.what));
}

/// Credentials that are wrong now are wrong in a second, too. MQTT 5.0 section 3.2.2.2; 3.1.1
/// Table 3.1.
bool is_for_good(std::uint8_t reason, bool v5) noexcept {
  if (!v5) return reason != 3;
  constexpr std::uint8_t server_unavailable = 0x88;
  constexpr std::uint8_t server_busy = 0x89;
  constexpr std::uint8_t quota_exceeded = 0x97;
  constexpr std::uint8_t connection_rate_exceeded = 0x9F;
  constexpr std::uint8_t unspecified = 0x80;
  return reason != server_unavailable && reason != server_busy && reason != quota_exceeded &&
         reason != connection_rate_exceeded && reason != unspecified;
}

}  // namespace

void mqtt_transport::connect(const introduction& who, std::string& out) {
  mqtt::connect_packet p;
  p.version = settings_.version;
  p.clean_start = who.fresh || !connection_.keeps_session;
  p.keep_alive_s = connection_.keep_alive_s;
  p.client_id = who.device;
  if (connection_.user_name) p.user_name = *connection_.user_name;
  if (connection_.password) p.password = as_bytes(*connection_.password);
  mqtt::property_list props;
  if (is_v5() && connection_.keeps_session) {
    props.add(mqtt::property_id::session_expiry_interval, session_expiry_s);
  }
  p.props = props.view();
  mqtt::encode(p, out);
}

void mqtt_transport::send(const message& m, std::string& out) {
  mqtt::publish_packet p;
  p.topic = m.topic;
  p.payload = as_bytes(m.payload);
  p.packet_id = m.at.id;
  p.qos = settings_.qos;
  p.dup = m.at.again;
  mqtt::property_list props;
  if (is_v5() && settings_.user_properties) {
    props.add_user("seq", decimal(m.at.sequence).text());
    props.add_user("epoch", decimal(m.at.boot).text());
  }
  p.props = props.view();
  mqtt::encode(p, settings_.version, out);
}

void mqtt_transport::finish(std::uint16_t id, std::string& out) {
  mqtt::ack_packet p;
  p.type = mqtt::packet_type::pubrel;
  p.packet_id = id;
  mqtt::encode(p, settings_.version, out);
}

void mqtt_transport::ping(std::string& out) {
  mqtt::encode(mqtt::ping_packet{}, settings_.version, out);
}

void mqtt_transport::goodbye(std::string& out) {
  mqtt::farewell_packet p;
  mqtt::property_list props;
  // The server need not keep the session of a device that was only simulated.
  if (is_v5() && connection_.keeps_session) {
    props.add(mqtt::property_id::session_expiry_interval, 0);
  }
  p.props = props.view();
  mqtt::encode(p, settings_.version, out);
}

result<std::size_t> mqtt_transport::take(byte_view received, std::vector<event>& events,
                                         std::string&) {
  std::size_t done = 0;
  for (;;) {
    const mqtt::framed next = mqtt::next_frame(received.subspan(done), largest_received_packet);
    if (std::holds_alternative<mqtt::need_more>(next)) return done;
    if (const auto* bad = std::get_if<mqtt::decode_fault>(&next)) return not_mqtt(*bad);
    const auto& f = std::get<mqtt::frame>(next);
    auto meant = meaning_of(f);
    if (!meant) return tl::unexpected(meant.error());
    events.push_back(*meant);
    done += f.size();
  }
}

result<event> mqtt_transport::meaning_of(const mqtt::frame& f) const {
  const auto p = mqtt::decode(f, settings_.version, mqtt::receiver::client);
  if (!p) return not_mqtt(p.error());
  event e;
  if (const auto* connack = std::get_if<mqtt::connack_packet>(&*p)) return meaning_of(*connack);
  if (const auto* farewell = std::get_if<mqtt::farewell_packet>(&*p)) {
    e.is = event::kind::closing;
    e.reason = farewell->reason;
  } else if (const auto* ack = std::get_if<mqtt::ack_packet>(&*p)) {
    e.id = ack->packet_id;
    e.reason = ack->reason;
    if (ack->type == mqtt::packet_type::puback || ack->type == mqtt::packet_type::pubrec) {
      e.is = event::kind::acknowledged;
      e.last = ack->type == mqtt::packet_type::puback || e.is_refusal();
    } else {
      // A PUBCOMP is the end whatever it says: 0x92 after a repeated PUBREL is no error (4.3.3).
      e.is =
          ack->type == mqtt::packet_type::pubcomp ? event::kind::settled : event::kind::unexpected;
    }
  } else if (!std::holds_alternative<mqtt::ping_packet>(*p)) {
    e.is = event::kind::unexpected;
  }
  return e;
}

event mqtt_transport::meaning_of(const mqtt::connack_packet& p) const {
  event e;
  e.reason = p.reason;
  if (p.reason != 0) {
    e.is = event::kind::turned_away;
    e.for_good = is_for_good(p.reason, is_v5());
    return e;
  }
  e.is = event::kind::connected;
  e.session_kept = p.session_present;
  if (const auto most = p.props.number(mqtt::property_id::receive_maximum)) {
    e.most_in_flight = static_cast<std::uint16_t>(*most);
  }
  if (const auto other = p.props.number(mqtt::property_id::server_keep_alive)) {
    e.keep_alive_s = static_cast<std::uint16_t>(*other);
  }
  return e;
}

}  // namespace fleetgate::fleetsim
