// One client's connection: its socket and its MQTT session. A thin shell: what a packet means is
// decided by mqtt::session and the topic rules. Runs on its shard; the shard's ingress actor calls
// it directly in each round, everybody else sends it messages.
//   (leave_atom, fault_code)   say goodbye for that reason and close
// Limits: unacknowledged bytes (reading pauses beyond them), unsent bytes, one packet unparsed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "actors/contract/device_report.hpp"
#include "actors/ingress/shard.hpp"
#include "actors/runtime/descriptor.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/runtime/readiness.hpp"
#include "protocol/model/receipt.hpp"
#include "protocol/mqtt/session.hpp"

namespace fleetgate::ingress {

using leave_atom = caf::atom_constant<caf::atom("leave")>;

class connection_actor final : public runtime::pinned_actor, private mqtt::session_handler {
 public:
  connection_actor(caf::actor_config& config, runtime::unit& home, shard& owner,
                   const listener_settings& listener, runtime::descriptor socket,
                   model::connection_ref self_ref);
  const char* name() const override { return "connection"; }
  caf::behavior make_behavior() override;

  // For the ingress actor, in the order of a round.
  void start();
  void on_event(const runtime::readiness::event& e);
  void read();
  void go_on();  // after a pause
  void take(const model::receipt& r);
  [[nodiscard]] bool watches(std::uint64_t due_ns) const noexcept { return due_ns == watched_ns_; }
  void look_at_time(std::uint64_t due_ns);
  void send_out();
  void leave(fault_code why);
  bool tell_end();  // after close; false: no room now, try again
  /// Packets from the sessions stage. What may be dropped is, where the client takes too little.
  void deliver(std::string_view packets, bool may_be_dropped);

  /// Nothing before CONNECT was accepted. connection_report.cpp.
  [[nodiscard]] std::optional<contract::connected_device> report() const;
  [[nodiscard]] const model::connection_ref& ref() const noexcept { return ref_; }

 private:
  static constexpr std::uint64_t never = ~std::uint64_t{0};
  enum class phase : std::uint8_t { open, closed };

  // mqtt::session_handler
  void on_connect(const mqtt::connect_request& request) override;
  mqtt::flow on_publish(const mqtt::publish_view& message) override;
  mqtt::flow on_release(std::uint16_t packet_id) override;
  mqtt::flow on_subscribe(const mqtt::subscribe_packet& request) override;
  mqtt::flow on_unsubscribe(const mqtt::unsubscribe_packet& request) override;
  mqtt::flow on_acknowledge(const mqtt::ack_packet& answer) override;
  void on_disconnect(std::uint8_t reason, std::optional<std::uint32_t> expiry_s) override;

  void consume(byte_view input, bool from_rest);
  void keep_rest(byte_view rest, bool from_rest);
  bool charge(const std::string& buffer, runtime::memory_charge& with);
  void wait_readable();
  [[nodiscard]] bool is_withheld() const noexcept;
  void look_after_end();
  void close(std::optional<fault_code> why);
  void shut_socket();
  void leave_later(fault_code why);
  bool tell_sessions(decltype(contract::client_event::what) what, std::size_t bytes);
  bool tell_coming();
  void note_coming(const mqtt::connect_request& request);
  void watch_time();
  void mark_unsent();
  void settle(const model::receipt& r);
  mqtt::flow hold_back(const mqtt::publish_view& message, model::traffic_class cls, fault_code why);
  contract::inbound_message describe(const mqtt::publish_view& p, const model::topic_match& match,
                                     runtime::arena& memory) const;
  void describe_properties(const mqtt::publish_view& p, runtime::arena& memory,
                           contract::inbound_message& m) const;
  bool post_mark(model::record_kind kind, model::traffic_class cls, std::uint16_t packet_id,
                 model::session_request session);

  shard& shard_;
  const listener_settings& listener_;
  runtime::descriptor socket_;
  const model::connection_ref ref_;
  mqtt::session session_;
  std::string client_id_;
  std::string rest_;                               // bytes read and not yet taken
  runtime::memory_charge rest_charge_;             // where it is large
  std::string out_;                                // bytes to send
  runtime::memory_charge out_charge_;              // where they are many
  std::unique_ptr<contract::client_came> coming_;  // until the sessions stage knows of it
  std::size_t unacknowledged_bytes_ = 0;
  std::uint64_t leave_at_ns_ = never;
  std::uint64_t watched_ns_ = never;  // the deadline that stands in the shard's queue
  std::uint32_t session_expiry_s_ = 0;
  std::int64_t connected_time_ns_ = 0;
  model::traffic_class last_class_ = model::traffic_class::telemetry;
  fault_code leave_for_ = fault_code::internal;
  phase phase_ = phase::open;
  bool session_opened_ = false;  // the journal knows of this session
  bool end_untold_ = false;      // to the journal
  bool going_untold_ = false;    // to the sessions stage
  bool publishes_will_ = true;
  bool accepted_ = false;  // CONNACK 0x00 was given
  bool paused_ = false;
  bool listed_unsent_ = false;
  bool may_read_ = false;  // there may be bytes in the socket
  bool at_end_ = false;    // the peer sends no more
  bool gone_ = false;      // nor can it be sent anything
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool id_assigned_ = false;
};

}  // namespace fleetgate::ingress
