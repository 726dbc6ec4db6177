// MQTT 3.1.1 and 5 on the gateway's own codec. Packets received are at most 64 KiB.
#pragma once

#include <optional>

#include "deploy/fleetsim/transport.hpp"
#include "protocol/mqtt/frame.hpp"
#include "protocol/mqtt/packets.hpp"

namespace fleetgate::fleetsim {

struct mqtt_settings {
  mqtt::protocol_version version = mqtt::protocol_version::v5;
  std::uint8_t qos = 1;
  std::uint16_t keep_alive_s = 60;
  bool keeps_session = true;
  bool user_properties = true;  // MQTT 5: `seq` and `epoch` with each message
  std::optional<std::string> user_name;
  std::optional<std::string> password;
};

class mqtt_transport final : public transport {
 public:
  /// `settings` outlives it.
  explicit mqtt_transport(const mqtt_settings& settings) noexcept : settings_(settings) {}

  void connect(std::string_view device, bool fresh, std::string& out) override;
  void send(const message& m, std::string& out) override;
  void finish(std::uint16_t id, std::string& out) override;
  void ping(std::string& out) override;
  void goodbye(std::string& out) override;
  result<std::size_t> take(byte_view received, std::vector<event>& events) override;

 private:
  result<event> meaning_of(const mqtt::frame& f) const;
  [[nodiscard]] event meaning_of(const mqtt::connack_packet& p) const;
  [[nodiscard]] bool is_v5() const noexcept {
    return settings_.version == mqtt::protocol_version::v5;
  }

  const mqtt_settings& settings_;
};

}  // namespace fleetgate::fleetsim
