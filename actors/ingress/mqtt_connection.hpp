// An MQTT client's connection: what a packet means is decided by mqtt::session and the topic rules,
// this brings it on its road and the answers back. On its shard.
// Limit: unacknowledged bytes, beyond which reading pauses.
#pragma once

#include <memory>
#include <optional>

#include "actors/ingress/connection_actor.hpp"
#include "protocol/mqtt/session.hpp"

namespace fleetgate::ingress {

class mqtt_connection final : public connection_actor, private mqtt::session_handler {
 public:
  mqtt_connection(caf::actor_config& config, runtime::unit& home, shard& owner,
                  const listener_settings& listener, runtime::descriptor socket,
                  model::connection_ref self_ref);

 private:
  // connection_actor
  session_progress feed(byte_view input) override;
  bool is_connected() const noexcept override { return session_.connected(); }
  std::optional<fault_code> closed_for() const override;
  std::uint64_t deadline_ns() const noexcept override { return session_.deadline_ns(); }
  bool on_time() override;
  void say_goodbye(fault_code why) override;
  std::optional<fault_code> welcome(const model::receipt& opened) override;
  void settle(const model::receipt& r) override;
  bool tell_going() override;
  bool tell_delivery_sent() override;
  std::string_view protocol_name() const noexcept override;

  // mqtt::session_handler
  void on_connect(const mqtt::connect_request& request) override;
  mqtt::flow on_publish(const mqtt::publish_view& message) override;
  void on_repeat() override;
  mqtt::flow on_release(std::uint16_t packet_id) override;
  mqtt::flow on_subscribe(const mqtt::subscribe_packet& request) override;
  mqtt::flow on_unsubscribe(const mqtt::unsubscribe_packet& request) override;
  mqtt::flow on_acknowledge(const mqtt::ack_packet& answer) override;
  void on_disconnect(std::uint8_t reason, std::optional<std::uint32_t> expiry_s) override;

  bool tell_sessions(decltype(contract::client_event::what) what, std::size_t bytes);
  bool tell_coming();
  void note_coming(const mqtt::connect_request& request);
  mqtt::flow hold_back(const mqtt::publish_view& message, model::traffic_class cls,
                       std::string_view device, fault_code why);
  [[nodiscard]] const contract::inbound_message* said_before(std::string_view topic) const noexcept;
  const contract::inbound_message& note_topic(std::string_view topic,
                                              const model::topic_match& match);
  void describe_properties(const mqtt::publish_view& p, runtime::arena& memory,
                           contract::inbound_message& m) const;

  mqtt::session session_;
  std::unique_ptr<contract::client_came> coming_;  // until the sessions stage knows of it
  bool going_untold_ = false;                      // to the sessions stage
  bool publishes_will_ = true;
  bool id_assigned_ = false;
};

}  // namespace fleetgate::ingress
