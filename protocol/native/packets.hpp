// The frames of the native protocol (docs/wire/native.md): plain structs.
// Pure. Text, payloads and lists are views into the bytes they were decoded from; "" and nothing
// mean that the field is not there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/base/bytes.hpp"
#include "protocol/model/traffic_class.hpp"
#include "protocol/native/frame.hpp"
#include "protocol/native/value_reader.hpp"

namespace fleetgate::native {

// docs/wire/native.md, Limits. Bytes, but for the numbers.
inline constexpr std::size_t maximum_device_bytes = 256;
inline constexpr std::size_t maximum_stream_bytes = 256;
inline constexpr std::size_t maximum_topic_bytes = 1024;
inline constexpr std::size_t maximum_content_type_bytes = 256;
inline constexpr std::size_t maximum_traceparent_bytes = 128;
inline constexpr std::size_t maximum_user_bytes = 256;
inline constexpr std::size_t maximum_token_bytes = 8192;
inline constexpr std::size_t maximum_name_bytes = 256;
inline constexpr std::size_t maximum_command_id_bytes = 64;
inline constexpr std::size_t maximum_explanation_bytes = 1024;
inline constexpr std::size_t maximum_resumed_streams = 64;
inline constexpr std::size_t minimum_frame_limit = 4096;  // that a device may ask for
inline constexpr std::uint64_t maximum_key_number = 0x7FFF'FFFF'FFFF'FFFF;  // boot, sequence, time
inline constexpr std::uint64_t maximum_ms = 0xFFFF'FFFF;

/// The elements of an array, checked: walk them with the function that the field names.
struct list {
  std::uint32_t count = 0;
  byte_view elements;
  [[nodiscard]] bool empty() const noexcept { return count == 0; }
};

struct hello_packet {
  std::uint8_t lowest = lowest_version;
  std::uint8_t highest = highest_version;
  std::string_view device;
  std::uint64_t boot = 0;
  std::string_view user;
  byte_view token;
  std::uint16_t keep_alive_s = 0;  // 0: none
  std::uint32_t maximum_frame = 1 << 20;
  list resume;  // names of streams: next_stream
  std::string_view agent;
};

/// What a device may have unsettled in one class.
struct credit {
  std::uint32_t messages = 0;
  std::uint64_t bytes = 0;  // of payload
};
using credit_by_class = std::array<credit, model::traffic_class_count>;

struct welcome_packet {
  std::uint8_t version = highest_version;
  std::string_view node;
  std::uint16_t keep_alive_s = 0;  // in force
  std::uint32_t maximum_frame = 1 << 20;
  credit_by_class credits;
  list settled;  // next_settled
};

struct settled_stream {
  std::string_view stream;
  std::uint64_t up_to = 0;  // this sequence and all before it are settled
};

/// What the messages of a batch have in common.
struct message_header {
  model::traffic_class cls = model::traffic_class::telemetry;
  std::string_view stream;
  std::string_view topic;
  std::string_view content_type;
  std::string_view device;            // another device than the hello's
  std::optional<std::uint64_t> boot;  // another boot than the hello's
};

struct message {
  std::uint64_t sequence = 0;
  byte_view payload;
  std::optional<std::uint64_t> device_time_ns;  // Unix time
  std::string_view traceparent;
};

struct publish_packet {
  message_header header;
  native::message message;
};

/// Walk it with batch_cursor.
struct batch_packet {
  message_header header;
  std::uint64_t first_sequence = 0;  // of sequences that follow each other; else
  list sequences;                    // one for each payload
  list payloads;
  list device_times;  // empty, or one (or nil) for each payload
  list traceparents;  // empty, or one (or nil) for each payload
};

struct ack_packet {
  model::traffic_class cls = model::traffic_class::telemetry;
  std::string_view stream;
  std::optional<std::uint64_t> up_to;
  list ranges;  // first and last in turn: next_range
  list nacks;   // next_nack
  std::string_view device;
  std::optional<std::uint64_t> boot;
};

struct sequence_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

struct nack {
  std::uint64_t sequence = 0;
  std::uint8_t code = 0;
  std::string_view name;
  std::optional<std::uint32_t> retry_after_ms;  // nothing: the answer is final
};

struct command_packet {
  std::string_view id;
  std::string_view name;
  byte_view payload;
  std::optional<std::uint32_t> time_left_ms;
  std::string_view content_type;
};

enum class command_status : std::uint8_t { taken, done, failed, unknown, expired };
inline constexpr std::uint8_t command_status_count = 5;

struct command_ack_packet {
  std::string_view id;
  command_status status = command_status::done;
  byte_view payload;
  std::string_view content_type;
};

/// ping and pong.
struct ping_packet {
  frame_type type = frame_type::ping;
  std::uint64_t number = 0;  // the pong brings the ping's
};

struct redirect_packet {
  std::string_view endpoint;  // host:port
  std::optional<std::uint32_t> retry_after_ms;
  std::string_view explanation;
};

struct goodbye_packet {
  std::uint8_t code = 0;  // 0: nothing is wrong
  std::string_view name;
  std::optional<std::uint32_t> retry_after_ms;
  std::string_view explanation;
};

using packet =
    std::variant<hello_packet, welcome_packet, publish_packet, batch_packet, ack_packet,
                 command_packet, command_ack_packet, ping_packet, redirect_packet, goodbye_packet>;

/// Each takes the first element off a checked list; nothing at its end.
std::optional<std::string_view> next_stream(list& streams) noexcept;
std::optional<settled_stream> next_settled(list& settled) noexcept;
std::optional<sequence_range> next_range(list& ranges) noexcept;
std::optional<nack> next_nack(list& nacks) noexcept;

/// The messages of a checked batch, in order.
class batch_cursor {
 public:
  explicit batch_cursor(const batch_packet& b) noexcept;
  /// Nothing at the end.
  std::optional<message> next() noexcept;

 private:
  std::uint32_t left_;
  bool listed_;
  bool timed_;
  bool traced_;
  std::uint64_t sequence_;
  value_reader sequences_;
  value_reader payloads_;
  value_reader device_times_;
  value_reader traceparents_;
};

}  // namespace fleetgate::native
