#include "protocol/mqtt/property_rules.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>

namespace fleetgate::mqtt {
namespace {

using place = property_place;

constexpr std::size_t known_ids = 0x2B;

constexpr std::uint16_t in(std::initializer_list<place> places) {
  unsigned bits = 0;
  for (const auto p : places) bits |= 1u << static_cast<unsigned>(p);
  return static_cast<std::uint16_t>(bits);
}

constexpr std::array<property_rule, known_ids> make_rules() {
  std::array<property_rule, known_ids> r{};
  const auto set = [&](property_id id, property_type type, std::uint16_t places) {
    r[static_cast<std::size_t>(id)] = {type, places};
  };
  using id = property_id;
  using type = property_type;
  constexpr auto message = in({place::publish, place::will});
  constexpr auto answers =
      in({place::connack, place::puback, place::pubrec, place::pubrel, place::pubcomp,
          place::suback, place::unsuback, place::disconnect, place::auth});
  constexpr auto everywhere = static_cast<std::uint16_t>(
      message | answers | in({place::connect, place::subscribe, place::unsubscribe}));
  set(id::payload_format_indicator, type::flag, message);
  set(id::message_expiry_interval, type::four_byte, message);
  set(id::content_type, type::text, message);
  set(id::response_topic, type::text, message);
  set(id::correlation_data, type::binary, message);
  set(id::subscription_identifier, type::variable, in({place::publish, place::subscribe}));
  set(id::session_expiry_interval, type::four_byte,
      in({place::connect, place::connack, place::disconnect}));
  set(id::assigned_client_identifier, type::text, in({place::connack}));
  set(id::server_keep_alive, type::two_byte, in({place::connack}));
  set(id::authentication_method, type::text, in({place::connect, place::connack, place::auth}));
  set(id::authentication_data, type::binary, in({place::connect, place::connack, place::auth}));
  set(id::request_problem_information, type::flag, in({place::connect}));
  set(id::will_delay_interval, type::four_byte, in({place::will}));
  set(id::request_response_information, type::flag, in({place::connect}));
  set(id::response_information, type::text, in({place::connack}));
  set(id::server_reference, type::text, in({place::connack, place::disconnect}));
  set(id::reason_string, type::text, answers);
  set(id::receive_maximum, type::two_byte, in({place::connect, place::connack}));
  set(id::topic_alias_maximum, type::two_byte, in({place::connect, place::connack}));
  set(id::topic_alias, type::two_byte, in({place::publish}));
  set(id::maximum_qos, type::flag, in({place::connack}));
  set(id::retain_available, type::flag, in({place::connack}));
  set(id::user_property, type::pair, everywhere);
  set(id::maximum_packet_size, type::four_byte, in({place::connect, place::connack}));
  set(id::wildcard_subscription_available, type::flag, in({place::connack}));
  set(id::subscription_identifier_available, type::flag, in({place::connack}));
  set(id::shared_subscription_available, type::flag, in({place::connack}));
  return r;
}

constexpr auto rules = make_rules();
constexpr property_rule unknown{};

}  // namespace

const property_rule& rule_of(std::uint8_t id) noexcept {
  return id < known_ids ? rules[id] : unknown;
}

}  // namespace fleetgate::mqtt
