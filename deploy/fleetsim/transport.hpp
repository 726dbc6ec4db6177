// The seam between devices and a protocol: what a device wants to say goes in, bytes come out;
// bytes that arrived go in, what they mean comes out. Sans I/O: the socket is the squad's. One
// transport a connection, on the squad's thread. A new protocol is a new class here and a line in
// muster.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/fleetsim/device.hpp"
#include "protocol/base/bytes.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::fleetsim {

/// What a connection is asked for in any protocol.
struct connection_settings {
  std::uint16_t keep_alive_s = 60;
  /// What the server remembers of a connection is gone on with in the next one.
  bool keeps_session = true;
  std::optional<std::string> user_name;
  std::optional<std::string> password;
};

inline constexpr std::uint8_t unspecified_error = 0x80;  // MQTT 5.0 section 2.4

/// What arrived. `id` is that of the message it is about.
struct event {
  enum class kind : std::uint8_t {
    connected,     // session_kept, most_in_flight, keep_alive_s
    turned_away,   // instead of connected: reason; `for_good` where trying again is of no use
    acknowledged,  // the server has the message, or refuses it with a reason of 0x80 and above
    settled,       // the second half of an exchange is over
    sent_back,     // the server has no room for the message: again after `retry_after_ms`
    closing,       // the server says why it will close
    alive,         // nothing but a sign of life
    unexpected,    // well formed, but nothing we asked for
  };
  kind is = kind::alive;
  std::uint16_t id = 0;
  std::uint8_t reason = 0;
  bool last = true;  // acknowledged: no second half follows
  bool session_kept = false;
  bool for_good = false;
  std::uint16_t most_in_flight = 65'535;
  std::optional<std::uint16_t> keep_alive_s;  // where the server says another one than was asked
  std::uint32_t retry_after_ms = 0;           // turned_away, sent_back, closing: not before

  /// The server took no responsibility for the message.
  [[nodiscard]] bool is_refusal() const noexcept { return reason >= 0x80; }
};

/// Who a device says that it is.
struct introduction {
  std::string_view device;
  std::uint32_t boot = 0;
  bool fresh = true;  // it remembers nothing of a session
};

struct message {
  outgoing at;
  std::string_view topic;
  std::string_view payload;
};

class transport {
 public:
  transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;
  virtual ~transport() = default;

  // Each appends to `out`.
  /// The first bytes of a connection.
  virtual void connect(const introduction& who, std::string& out) = 0;
  /// Only where accepts(). May be gathered until complete().
  virtual void send(const message& m, std::string& out) = 0;
  /// No more messages for now: what was gathered goes out.
  virtual void complete(std::string& out) = 0;
  /// The second half of an acknowledged message's exchange, where `last` was false.
  virtual void finish(std::uint16_t id, std::string& out) = 0;
  virtual void ping(std::string& out) = 0;
  /// The last bytes of a connection that nobody means to resume.
  virtual void goodbye(std::string& out) = 0;

  /// Another message may be sent.
  [[nodiscard]] virtual bool accepts() const noexcept = 0;

  /// Appends what `received` means, and what has to be answered at once; returns how many of its
  /// bytes are done with. The rest comes again with more behind it. A fault ends the connection.
  virtual result<std::size_t> take(byte_view received, std::vector<event>& events,
                                   std::string& out) = 0;
};

}  // namespace fleetgate::fleetsim
