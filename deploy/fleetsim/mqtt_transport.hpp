// MQTT 3.1.1 and 5 on the gateway's own codec. Packets received are at most 64 KiB.
#pragma once

#include "deploy/fleetsim/transport.hpp"
#include "protocol/mqtt/frame.hpp"
#include "protocol/mqtt/packets.hpp"

namespace fleetgate::fleetsim {

struct mqtt_settings {
  mqtt::protocol_version version = mqtt::protocol_version::v5;
  std::uint8_t qos = 1;
  bool user_properties = true;  // MQTT 5: `seq` and `epoch` with each message
};

class mqtt_transport final : public transport {
 public:
  /// Both settings outlive it.
  mqtt_transport(const connection_settings& connection, const mqtt_settings& settings) noexcept
      : connection_(connection), settings_(settings) {}

  void connect(const introduction& who, std::string& out) override;
  void send(const message& m, std::string& out) override;
  void complete(std::string&) override {}  // nothing is gathered
  void finish(std::uint16_t id, std::string& out) override;
  void ping(std::string& out) override;
  void goodbye(std::string& out) override;
  [[nodiscard]] bool accepts() const noexcept override { return true; }
  result<std::size_t> take(byte_view received, std::vector<event>& events,
                           std::string& out) override;

 private:
  result<event> meaning_of(const mqtt::frame& f) const;
  [[nodiscard]] event meaning_of(const mqtt::connack_packet& p) const;
  [[nodiscard]] bool is_v5() const noexcept {
    return settings_.version == mqtt::protocol_version::v5;
  }

  const connection_settings& connection_;
  const mqtt_settings& settings_;
};

}  // namespace fleetgate::fleetsim
