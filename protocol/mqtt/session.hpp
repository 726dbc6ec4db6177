// The server's side of one client's MQTT connection, without I/O: bytes and time in, bytes and
// calls to the handler out. One object a connection, owned and driven by its connection actor on
// its shard. Holds at most 2 x receive_maximum packet identifiers and topic_alias_maximum topics.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/bytes.hpp"
#include "protocol/base/fault.hpp"
#include "protocol/base/session_progress.hpp"
#include "protocol/mqtt/in_flight.hpp"
#include "protocol/mqtt/packets.hpp"

namespace fleetgate::mqtt {

/// What a server grants. Shared by all sessions of a listener; must outlive them.
struct session_limits {
  std::uint16_t receive_maximum = 1024;  // 1 or more
  std::uint32_t maximum_packet_size = 1 << 20;
  std::uint16_t topic_alias_maximum = 16;
  std::uint16_t maximum_keep_alive_s = 0;  // 0: the client's. Binds MQTT 5, which can be told
  std::uint32_t maximum_session_expiry_s = 7 * 24 * 3600;
  std::chrono::milliseconds connect_timeout{10'000};
};

/// A CONNECT may be this long, whatever is granted later.
inline constexpr std::size_t maximum_connect_size = 64 * 1024;

/// A checked CONNECT. Views are valid during the call.
struct connect_request {
  protocol_version version = protocol_version::v5;
  std::string_view client_id;
  bool client_id_assigned_needed = false;  // it is empty: pass the one to use to accept()
  bool clean_start = true;
  std::uint16_t keep_alive_s = 0;          // in force; 0: none
  std::uint32_t session_expiry_s = 0;      // granted, so at most the limit; 3.1.1: 0 or the limit
  std::uint16_t receive_maximum = 65'535;  // of the client
  std::uint32_t maximum_packet_size = 0xFFFF'FFFF;  // of the client
  std::uint16_t topic_alias_maximum = 0;            // of the client
  std::optional<std::string_view> user_name;
  std::optional<byte_view> password;
  std::optional<will_view> will;
  properties props;
};

/// A checked PUBLISH, its topic alias resolved. Views are valid during the call. Where
/// props.payload_is_utf8(), whoever takes the payload must check it (reason 0x99).
using publish_view = publish_packet;

/// pause: this packet was not taken. consume() stops before it; it comes again with the same bytes.
enum class flow : std::uint8_t { go_on, pause };

/// What the session asks of its connection. Every answer may be given inside the call or later.
class session_handler {
 public:
  /// Answered by accept() or refuse(); until then no further packet is taken.
  virtual void on_connect(const connect_request& request) = 0;
  /// At QoS 1 and 2 answered once by settle().
  virtual flow on_publish(const publish_view& message) = 0;
  /// A QoS 2 PUBLISH with the packet identifier of one that has no PUBREL yet: by section 4.3.3 it
  /// is that message again, and has that one's answer.
  virtual void on_repeat() = 0;
  /// PUBREL. Answered once by complete().
  virtual flow on_release(std::uint16_t packet_id) = 0;
  /// Its SUBACK, and UNSUBACK, come from whoever keeps the subscriptions. Section 3.8.
  virtual flow on_subscribe(const subscribe_packet& request) = 0;
  virtual flow on_unsubscribe(const unsubscribe_packet& request) = 0;
  /// PUBACK, PUBREC or PUBCOMP of what was published to the client, section 4.3.
  virtual flow on_acknowledge(const ack_packet& answer) = 0;
  /// The client says goodbye (MQTT 5: reason 0x04 asks for its will); the connection is to be
  /// closed. `session_expiry_s` where the client changes it, at most the limit.
  virtual void on_disconnect(std::uint8_t reason,
                             std::optional<std::uint32_t> session_expiry_s) = 0;

 protected:
  ~session_handler() = default;
};

class session {
 public:
  /// paused: by the handler, or an identifier is not free yet. waiting: for accept() or refuse().
  using progress = session_progress;

  /// `limits` must outlive the session. `now_ns` is monotonic here and everywhere.
  session(const session_limits& limits, std::uint64_t now_ns) noexcept;

  /// Takes packets from the front of `input`; call again with what it left and what came since.
  /// Appends what is to be sent to `out`, as everything below does.
  progress consume(byte_view input, session_handler& handler, std::string& out,
                   std::uint64_t now_ns);

  /// CONNACK 0x00 with what is in force; nothing where the session was closed meanwhile.
  /// `assigned_client_id` where the request needed one.
  void accept(std::string_view assigned_client_id, bool session_present, std::string& out);
  /// CONNACK with the reason; 3.1.1: with its return code, or nothing where it has none. Closes.
  void refuse(fault_code why, std::string& out);
  /// PUBACK or PUBREC of a PUBLISH; nothing means success. In 3.1.1 a plain acknowledgement either
  /// way. A PUBREC with an error ends the exchange (5.0).
  void settle(std::uint16_t packet_id, std::uint8_t qos, std::optional<fault_code> why,
              std::string& out);
  /// PUBCOMP.
  void complete(std::uint16_t packet_id, std::optional<fault_code> why, std::string& out);
  /// The server's goodbye: DISCONNECT (5.0) or nothing; before accept() as refuse(). Closes.
  void disconnect(fault_code why, std::string& out);

  /// When to call on_time: the connect timeout, then 1.5 x keep alive after the last whole packet.
  /// The largest value means never. It moves later with every packet, so a timer may fire early and
  /// ask again; it moves earlier only by accept().
  [[nodiscard]] std::uint64_t deadline_ns() const noexcept;
  /// True where the connection must be closed. A session that waits or is paused is not blamed for
  /// what it was not allowed to say; whoever stops reading for other reasons must not call this.
  bool on_time(std::uint64_t now_ns, std::string& out);

  [[nodiscard]] bool connected() const noexcept { return stage_ == stage::connected; }
  [[nodiscard]] bool closed() const noexcept { return stage_ == stage::closed; }
  /// What the client speaks; known once on_connect was called.
  [[nodiscard]] protocol_version version() const noexcept { return version_; }
  /// Why it was closed; nothing while it is open and after a clean goodbye.
  [[nodiscard]] const std::optional<fault>& closed_for() const noexcept { return closed_for_; }
  /// Messages and releases that are not answered to their end.
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_.size(); }
  /// What the session holds on the heap.
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

 private:
  enum class stage : std::uint8_t { before_connect, waiting, connected, closed };
  /// Why silence is not the client's fault: we did not read.
  enum class hold : std::uint8_t { none, until_consume, until_asked };

  // session_packets.cpp: what each packet does.
  [[nodiscard]] std::optional<decode_fault> refused_from_first_byte(std::byte first) const noexcept;
  flow take(const frame& f, session_handler& handler, std::string& out);
  void take_connect(const frame& f, session_handler& handler, std::string& out);
  void answer_in_version_of(byte_view connect_body) noexcept;
  [[nodiscard]] std::optional<decode_fault> check(const connect_packet& c) const noexcept;
  connect_request adopt(const connect_packet& c) noexcept;
  flow take_publish(const frame& f, session_handler& handler, std::string& out);
  std::optional<decode_fault> resolve_alias(publish_packet& p);
  flow take_qos1(const publish_packet& p, session_handler& handler, std::string& out);
  flow take_qos2(const publish_packet& p, session_handler& handler, std::string& out);
  [[nodiscard]] bool has_room() const noexcept;
  flow no_room(std::string& out);
  flow in_use(std::string_view what, std::string& out);
  flow take_ack(const frame& f, session_handler& handler, std::string& out);
  flow take_release(std::uint16_t packet_id, session_handler& handler, std::string& out);
  [[nodiscard]] bool in_use_already(std::uint16_t packet_id) const noexcept;
  bool can_be_answered(const suback_packet& answer, std::string& out);
  flow take_subscribe(const frame& f, session_handler& handler, std::string& out);
  flow take_unsubscribe(const frame& f, session_handler& handler, std::string& out);
  void take_pingreq(const frame& f, std::string& out);
  void take_disconnect(const frame& f, session_handler& handler, std::string& out);
  [[nodiscard]] bool v5() const noexcept { return version_ == protocol_version::v5; }

  // session.cpp: answers and endings.
  template <class Packet>
  bool fits(const Packet& p, std::string& out) const;
  template <class Packet>
  void send(const Packet& p, std::string& out);
  void send_ack(packet_type type, std::uint16_t packet_id, std::optional<fault_code> why,
                std::string& out);
  template <class Packet>
  void send_with_reason_string(Packet p, const fault& why, std::string& out) const;
  void send_refusal(const fault& why, std::string& out) const;
  void fail(const decode_fault& why, std::string& out);
  void fail(fault why, std::string& out);
  void close() noexcept;

  const session_limits* limits_;
  std::uint64_t life_sign_ns_;  // start, then the last whole packet
  in_flight_set in_flight_;
  std::vector<std::string> aliases_;  // [alias - 1]; empty where not set
  std::optional<fault> closed_for_;
  std::uint32_t client_maximum_ = 0xFFFF'FFFF;  // Maximum Packet Size of the client
  std::uint16_t keep_alive_s_ = 0;
  stage stage_ = stage::before_connect;
  protocol_version version_ = protocol_version::v3_1_1;
  bool clean_start_ = true;
  bool expires_at_once_ = true;  // the CONNECT's Session Expiry Interval was 0
  bool expiry_capped_ = false;   // less was granted than asked for
  bool keep_alive_capped_ = false;
  bool wants_reasons_ = true;  // Request Problem Information
  hold hold_ = hold::none;
};

}  // namespace fleetgate::mqtt
