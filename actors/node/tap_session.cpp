#include "actors/node/tap_session.hpp"

#include <cstdio>
#include <variant>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"

namespace fleetgate::node {
namespace {

constexpr auto tap_version = mqtt::protocol_version::v5;
constexpr std::uint8_t no_retained = 2;  // section 3.8.3.1: what passes, and not what was
constexpr std::uint8_t first_error = 0x80;

std::string reason_text(std::uint8_t reason) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%02X", reason);
  return std::string("MQTT reason ") + text;
}

}  // namespace

void tap_session::begin(std::string& out) const {
  mqtt::connect_packet p;
  p.version = tap_version;
  p.keep_alive_s = static_cast<std::uint16_t>(keep_alive_.count());
  p.client_id = client_id_;
  mqtt::encode(p, out);
}

void tap_session::subscribe(std::string& out) const {
  mqtt::subscription s;
  s.filter = filter_;
  s.retain_handling = no_retained;
  std::string filters;
  mqtt::append(s, filters);
  mqtt::subscribe_packet p;
  p.packet_id = 1;
  p.filters = as_bytes(filters);
  mqtt::encode(p, tap_version, out);
}

void tap_session::ping(std::string& out) {
  mqtt::encode(mqtt::ping_packet{}, tap_version, out);
}

void tap_session::goodbye(std::string& out) {
  mqtt::encode(mqtt::farewell_packet{}, tap_version, out);
}

std::optional<std::string> tap_session::take(std::string& received, std::string& out,
                                             const on_message& show,
                                             const std::function<bool()>& wants_more) {
  std::size_t done = 0;
  std::optional<std::string> over;
  while (!over && wants_more()) {
    const auto next = mqtt::next_frame(as_bytes(received).subspan(done), largest_packet);
    if (std::holds_alternative<mqtt::need_more>(next)) break;
    if (const auto* bad = std::get_if<mqtt::decode_fault>(&next)) {
      over = "what came is not MQTT: " + std::string(bad->what);
      break;
    }
    const auto& f = std::get<mqtt::frame>(next);
    over = take_one(f, out, show);
    done += f.size();
  }
  received.erase(0, done);
  return over;
}

std::optional<std::string> tap_session::take_one(const mqtt::frame& f, std::string& out,
                                                 const on_message& show) {
  const auto p = mqtt::decode(f, tap_version, mqtt::receiver::client);
  if (!p) return "what came is not MQTT 5: " + std::string(p.error().what);
  if (const auto* message = std::get_if<mqtt::publish_packet>(&*p)) {
    show(*message);
  } else if (const auto* connack = std::get_if<mqtt::connack_packet>(&*p)) {
    if (connack->reason != 0) return "refused: " + reason_text(connack->reason);
    const auto told = connack->props.number(mqtt::property_id::server_keep_alive);
    if (told.value_or(0) != 0) keep_alive_ = std::chrono::seconds(*told);
    subscribe(out);
  } else if (const auto* suback = std::get_if<mqtt::suback_packet>(&*p)) {
    const auto reason = suback->reasons.empty()
                            ? first_error
                            : std::to_integer<std::uint8_t>(suback->reasons.front());
    if (reason >= first_error) return "the subscription is refused: " + reason_text(reason);
    subscribed_ = true;
  } else if (const auto* farewell = std::get_if<mqtt::farewell_packet>(&*p)) {
    return "the node says goodbye: " + reason_text(farewell->reason);
  }
  return std::nullopt;
}

}  // namespace fleetgate::node
