// The native protocol (docs/wire/native.md) on the gateway's own codec. What was sent and not
// answered is known by stream and sequence; nothing of it outlives a connection. Frames received
// are at most 64 KiB; a batch is gathered up to the server's longest frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/fleetsim/stream_name.hpp"
#include "deploy/fleetsim/transport.hpp"
#include "protocol/native/encode.hpp"
#include "protocol/native/frame.hpp"
#include "protocol/native/packets.hpp"

namespace fleetgate::fleetsim {

struct native_settings {
  std::uint32_t batch = 1;  // messages in a frame, at most
  std::size_t payload_bytes = 256;
};

class native_transport final : public transport {
 public:
  /// `connection` outlives it. `topics` are those of the device, at most 50.
  native_transport(const connection_settings& connection, const native_settings& settings,
                   const std::vector<std::string>& topics);

  void connect(const introduction& who, std::string& out) override;
  void send(const message& m, std::string& out) override;
  void complete(std::string& out) override;
  void finish(std::uint16_t, std::string&) override {}  // an ack is the end
  void ping(std::string& out) override;
  void goodbye(std::string& out) override;
  [[nodiscard]] bool accepts() const noexcept override { return true; }
  result<std::size_t> take(byte_view received, std::vector<event>& events,
                           std::string& out) override;

 private:
  struct flight {
    std::uint64_t sequence;
    std::uint16_t id;
  };
  /// What goes to one topic. Sequences rise.
  struct lane {
    std::string topic;
    stream_name name;             // views into `topic`
    std::vector<flight> flights;  // sent and not answered
    std::vector<std::uint64_t> sequences;
    native::list_bytes payloads;  // gathered for the next frame, with `sequences`
  };

  lane* lane_of(std::string_view topic) noexcept;
  [[nodiscard]] native::message_header header_of(const lane& l) const noexcept;
  void write_batch(lane& l, std::string& out);

  result<void> understand(const native::frame& f, std::vector<event>& events, std::string& out);
  [[nodiscard]] event meaning_of(const native::welcome_packet& p);
  void understand(const native::ack_packet& p, std::vector<event>& events);
  [[nodiscard]] event ending(std::uint8_t reason,
                             std::optional<std::uint32_t> retry_after_ms) const;

  const connection_settings& connection_;
  native_settings settings_;
  std::string device_;
  std::vector<lane> lanes_;
  std::size_t maximum_frame_ = 0;
  bool welcome_ = false;  // the server has said it on this connection
};

}  // namespace fleetgate::fleetsim
