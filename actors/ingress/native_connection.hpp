// A connection of a device that speaks the native protocol (docs/wire/native.md): what a frame
// means is decided by native::session, this brings the messages on their road and the answers back.
// What there is no room for is sent back, for the device to send again later. On its shard. Limits:
// the listener's credits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/ingress/connection_actor.hpp"
#include "protocol/native/session.hpp"

namespace fleetgate::ingress {

class native_connection final : public connection_actor, private native::session_handler {
 public:
  native_connection(caf::actor_config& config, runtime::unit& home, shard& owner,
                    const listener_settings& listener, runtime::descriptor socket,
                    model::connection_ref self_ref);

  void take_command(const contract::command_delivery& d) override;

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
  void before_sending() override { session_.flush(out_); }
  void after_sending_all() override;
  std::string_view protocol_name() const noexcept override { return "native 1"; }

  // native::session_handler
  void on_hello(const native::hello_request& request) override;
  native::flow on_publish(const native::publish_view& message) override;
  void on_command_ack(const native::command_ack_packet& answer) override;
  void on_goodbye(const native::goodbye_packet& goodbye) override;

  [[nodiscard]] bool is_noted(const native::message_header& header) const noexcept;
  void note_header(const native::message_header& header);
  void send_back(const native::publish_view& message, fault_code why);

  /// What hello asked for and welcome will say.
  struct resumption {
    std::vector<std::string> streams;
    std::vector<native::settled_stream> settled;  // views into `streams`
  };

  native::session session_;
  std::unique_ptr<resumption> resumption_;
  bool commands_wait_ = false;  // until what waits to be sent is gone
};

}  // namespace fleetgate::ingress
