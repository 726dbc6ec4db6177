// An MQTT 5 client that only looks: connects, subscribes to one filter at QoS 0, and hands out what
// it is sent. At QoS 0 the node drops what a slow looker does not take and never waits for it.
// Pure: bytes and times in, bytes and messages out. One thread. Limit: packets of largest_packet
// bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/mqtt/packets.hpp"

namespace fleetgate::node {

class tap_session {
 public:
  static constexpr std::size_t largest_packet = std::size_t{256} << 20;
  using on_message = std::function<void(const mqtt::publish_packet&)>;

  tap_session(std::string client_id, std::string filter)
      : client_id_(std::move(client_id)), filter_(std::move(filter)) {}

  /// What is sent first.
  void begin(std::string& out) const;
  /// Takes whole packets off the front of `received`, until `wants_more` is false. Why it is over,
  /// for a person; nothing while it goes on.
  std::optional<std::string> take(std::string& received, std::string& out, const on_message& show,
                                  const std::function<bool()>& wants_more);
  /// To be sent each `keep_alive` / 2 while nothing else is.
  static void ping(std::string& out);
  static void goodbye(std::string& out);

  [[nodiscard]] std::chrono::seconds keep_alive() const noexcept { return keep_alive_; }
  [[nodiscard]] bool subscribed() const noexcept { return subscribed_; }

 private:
  std::optional<std::string> take_one(const mqtt::frame& f, std::string& out,
                                      const on_message& show);
  void subscribe(std::string& out) const;

  const std::string client_id_;
  const std::string filter_;
  std::chrono::seconds keep_alive_{60};
  bool subscribed_ = false;
};

}  // namespace fleetgate::node
