// The server's side of one device's native session, without I/O: bytes and time in, bytes and calls
// to the handler out. One object a connection, owned and driven by its connection actor on its
// shard. Holds what in_flight.hpp holds, and the device's name.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/base/bytes.hpp"
#include "protocol/base/fault.hpp"
#include "protocol/base/session_progress.hpp"
#include "protocol/native/in_flight.hpp"
#include "protocol/native/packets.hpp"

namespace fleetgate::native {

/// What a server grants. Shared by all sessions of a listener; must outlive them.
struct session_limits {
  std::string node;  // its name, at most maximum_name_bytes
  /// A class whose bytes are fewer than a payload's can never send that payload.
  credit_by_class credits{{{64, 1 << 20}, {64, 1 << 20}, {1024, 1 << 20}, {1024, 1 << 20}}};
  std::uint32_t maximum_frame = 1 << 20;
  std::uint16_t maximum_streams = 64;
  std::uint16_t maximum_keep_alive_s = 0;  // 0: the device's
  std::chrono::milliseconds hello_timeout{10'000};
};

/// A hello may be this long, whatever is granted later.
inline constexpr std::size_t maximum_hello_size = 64 * 1024;

/// A checked hello. Views are valid during the call.
struct hello_request {
  std::uint8_t version = highest_version;  // that will be spoken
  std::uint16_t keep_alive_s = 0;          // in force; 0: none
  hello_packet hello;
};

/// One checked message, alone or of a batch. Views are valid during the call.
struct publish_view {
  const message_header& header;  // with topic, device and boot filled in
  const native::message& message;
  std::uint16_t ticket = 0;  // for settle()
};

/// pause: this message was not taken. consume() stops before it; it comes again.
enum class flow : std::uint8_t { go_on, pause };

/// What the session asks of its connection. Every answer may be given inside the call or later.
class session_handler {
 public:
  /// Answered by accept(), refuse() or redirect(); until then no further frame is taken.
  virtual void on_hello(const hello_request& request) = 0;
  /// Answered once by settle().
  virtual flow on_publish(const publish_view& message) = 0;
  virtual void on_command_ack(const command_ack_packet& answer) = 0;
  /// The device says goodbye; the connection is to be closed.
  virtual void on_goodbye(const goodbye_packet& goodbye) = 0;

 protected:
  ~session_handler() = default;
};

class session {
 public:
  /// paused: by the handler. waiting: for accept(), refuse() or redirect().
  using progress = session_progress;

  /// What became of a command.
  enum class sending : std::uint8_t { sent, not_connected, too_large };

  /// `limits` must outlive the session. `now_ns` is monotonic here and everywhere.
  session(const session_limits& limits, std::uint64_t now_ns) noexcept;

  /// Takes frames from the front of `input`; call again with what it left and what came since.
  /// Appends what is to be sent to `out`, as everything below does.
  progress consume(byte_view input, session_handler& handler, std::string& out,
                   std::uint64_t now_ns);

  /// welcome; nothing where the session was closed meanwhile. `settled` at most
  /// maximum_resumed_streams.
  void accept(std::span<const settled_stream> settled, std::string& out);
  /// goodbye instead of a welcome, or later. Closes.
  void refuse(fault_code why, std::optional<std::uint32_t> retry_after_ms, std::string& out) {
    disconnect(why, retry_after_ms, out);
  }
  void disconnect(fault_code why, std::optional<std::uint32_t> retry_after_ms, std::string& out);
  /// redirect instead of a welcome, or later. Closes. `endpoint` 1 to maximum_name_bytes.
  void redirect(std::string_view endpoint, std::optional<std::uint32_t> retry_after_ms,
                std::string& out);

  /// What became of a message; nothing means that it is settled. With `retry_after_ms` the device
  /// is to send it again, without it a refusal is final. Gathered until flush().
  void settle(std::uint16_t ticket, std::optional<fault_code> why,
              std::optional<std::uint32_t> retry_after_ms, std::string& out);
  /// There is something for flush() to say.
  [[nodiscard]] bool has_news() const noexcept;
  /// The acks of what was settled. To be called at the end of a round; closing does it, too.
  void flush(std::string& out);

  /// Id, name and content type within the limits of packets.hpp.
  sending command(const command_packet& c, std::string& out);

  /// When to call on_time: the hello timeout, then 1.5 x keep alive after the last whole frame.
  /// The largest value means never. It moves later with every frame, so a timer may fire early and
  /// ask again; it moves earlier only by accept().
  [[nodiscard]] std::uint64_t deadline_ns() const noexcept;
  /// True where the connection must be closed. A session that waits or is paused is not blamed for
  /// what it was not allowed to say; whoever stops reading for other reasons must not call this.
  bool on_time(std::uint64_t now_ns, std::string& out);

  [[nodiscard]] bool connected() const noexcept { return stage_ == stage::connected; }
  [[nodiscard]] bool closed() const noexcept { return stage_ == stage::closed; }
  /// Why it was closed; nothing while it is open, after a goodbye with code 0 and after a redirect.
  [[nodiscard]] const std::optional<fault>& closed_for() const noexcept { return closed_for_; }
  /// Messages that are not answered.
  [[nodiscard]] std::size_t in_flight() const noexcept { return streams_ ? streams_->size() : 0; }
  /// What the session holds on the heap.
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

 private:
  enum class stage : std::uint8_t { before_hello, waiting, connected, closed };
  /// Why silence is not the device's fault: we did not read.
  enum class hold : std::uint8_t { none, until_consume, until_asked };

  // session_packets.cpp: what each frame does.
  [[nodiscard]] std::optional<decode_fault> refused_from_type(frame_type type) const noexcept;
  flow take(const frame& f, session_handler& handler, std::string& out);
  void take_hello(const frame& f, session_handler& handler, std::string& out);
  flow take_publish(const frame& f, session_handler& handler, std::string& out);
  flow take_batch(const frame& f, session_handler& handler, std::string& out);
  std::optional<native::in_flight::stream_number> open_stream(message_header& h, std::string& out);
  flow offer(native::in_flight::stream_number stream, const message_header& h, const message& m,
             session_handler& handler, std::string& out);
  void refuse_admission(admission what, const message_header& h, std::uint64_t sequence,
                        std::string& out);
  void take_command_ack(const frame& f, session_handler& handler, std::string& out);
  void take_ping(const frame& f, std::string& out);
  void take_goodbye(const frame& f, session_handler& handler, std::string& out);

  // session.cpp: answers and endings.
  void fail(const decode_fault& why, std::string& out);
  void fail(fault why, std::optional<std::uint32_t> retry_after_ms, std::string& out);
  void close() noexcept;

  const session_limits* limits_;
  std::uint64_t life_sign_ns_;                  // start, then the last whole frame
  std::unique_ptr<native::in_flight> streams_;  // once connected
  std::optional<fault> closed_for_;
  std::string device_;
  std::string topic_;  // of a message that brings none
  std::uint64_t boot_ = 0;
  std::uint32_t device_maximum_frame_ = 0;
  std::uint32_t batch_taken_ = 0;  // messages of the batch in front that were taken before a pause
  std::uint16_t keep_alive_s_ = 0;
  std::uint8_t version_ = highest_version;
  stage stage_ = stage::before_hello;
  hold hold_ = hold::none;
};

}  // namespace fleetgate::native
