// A client of fleetgate's native protocol (docs/wire/native.md) in one header and one source:
// C++17, POSIX sockets, nothing else. It keeps each message in a state file until the gateway has
// acknowledged it, under one sequence for its whole life.
// A client owns one thread. publish() and the other functions may be called from any thread; the
// callbacks run on the client's own: they should be quick, must not throw, and may call publish().
// Limits: capacity_messages and capacity_bytes wait at most; the state file is at most twice
// capacity_bytes and a little.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fleetgate::sdk {

/// Highest priority first.
enum class traffic_class : std::uint8_t { control, heartbeat, event, telemetry };

/// What a message is. Empty text means not given.
struct description {
  traffic_class cls = traffic_class::telemetry;
  std::optional<std::string> stream;  // whose sequence it is; by default the name of the class
  std::string topic;
  std::string content_type;
  std::string traceparent;
  std::uint64_t device_time_ns = 0;  // Unix time; 0: not given
};

/// Why a message was not taken.
enum class publish_error : std::uint8_t {
  none,
  outbox_full,   // so much waits for the gateway already: try later, or drop it knowingly
  state_file,    // it cannot be written; `detail` says why
  stream_class,  // the stream holds messages of another class
  closed,
};

struct published {
  publish_error error = publish_error::none;
  std::uint64_t sequence = 0;  // where there is no error
  std::string detail;          // for people
  explicit operator bool() const noexcept { return error == publish_error::none; }
};

/// docs/wire/native.md, command_ack.
enum class command_status : std::uint8_t { taken, done, failed, unknown, expired };

struct command {
  std::string id;
  std::string name;
  std::string payload;
  std::string content_type;
  std::optional<std::chrono::milliseconds> time_left;
};

struct command_answer {
  command_status status = command_status::done;
  std::string payload;
};

/// A message that the gateway will never take.
struct refusal {
  std::string stream;
  std::uint64_t sequence = 0;
  std::string payload;
  std::uint8_t code = 0;
  std::string name;
};

struct options {
  std::vector<std::string> endpoints;  // "host:port", tried in turn
  std::string device;
  std::string state_file;  // one for each device, on a disk that lasts
  std::string user;
  std::string token;
  std::chrono::seconds keep_alive{60};
  bool durable = true;  // publish() returns when the message is on the disk; false: written
  std::size_t capacity_messages = 10'000;
  std::size_t capacity_bytes = 16 << 20;
  std::chrono::milliseconds first_backoff{500};
  std::chrono::milliseconds longest_backoff{60'000};
  std::function<command_answer(const command&)> on_command;  // without one: unknown
  std::function<void(const refusal&)> on_refused;
  std::function<void(std::string_view)> on_log;  // one line an event
  std::string agent = "fleetgate-cpp/0.1";
};

class client {
 public:
  /// Reads the state file and starts. Null where that cannot be; `why` then says why and what to
  /// do.
  static std::unique_ptr<client> open(options o, std::string& why);

  /// As close().
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  [[nodiscard]] published publish(std::string_view payload, const description& d = {});

  /// How many messages the gateway has not acknowledged.
  [[nodiscard]] std::size_t waiting() const;
  /// Waits until everything is acknowledged; false where that took too long.
  bool drain(std::chrono::milliseconds timeout);
  [[nodiscard]] bool is_connected() const;
  /// Why the last connection ended; "" while there is one.
  [[nodiscard]] std::string last_error() const;

  /// Says goodbye and ends the thread. What is not acknowledged stays in the state file. Not to be
  /// called from a callback.
  void close();

 private:
  class implementation;
  explicit client(std::unique_ptr<implementation> i);
  std::unique_ptr<implementation> it_;
};

}  // namespace fleetgate::sdk
