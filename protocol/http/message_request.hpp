// The body of POST /api/v1/devices/{id}/messages as messages: JSON or MessagePack, one or a batch.
// docs/reference/http.md says what it means to clients. Pure: bytes in, messages or a fault out,
// any thread. Limits: most_messages; the body's size is the server's to bound.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/bytes.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::http {

inline constexpr std::size_t most_messages = 1000;
inline constexpr std::size_t most_topic_bytes = 1024;
inline constexpr std::size_t most_stream_bytes = 256;
inline constexpr std::size_t most_text_bytes = 256;  // content_type, traceparent

struct message {
  std::string topic;
  std::string payload;
  std::string content_type;  // "": not given, and the payload is no JSON or MessagePack value
  std::string traceparent;
  std::optional<std::uint64_t> sequence;  // below 2^63
  std::optional<std::uint64_t> epoch;     // below 2^63
  std::int64_t device_time_ns = 0;        // Unix time; 0 where not given
};

struct message_request {
  std::vector<message> messages;  // at least one
  bool is_batch = false;          // it was written as one, and is answered as one
};

enum class body_encoding : std::uint8_t { json, msgpack };

/// By the Content-Type header; none counts as JSON. Nothing: it is neither.
std::optional<body_encoding> encoding_of(std::string_view content_type);

/// All of `body` or nothing. Faults: request_malformed, topic_name_invalid, request_too_large (too
/// many messages); the detail names the place, as in "messages[3].sequence".
result<message_request> decode_messages(std::string_view device, body_encoding encoding,
                                        std::string_view body);

}  // namespace fleetgate::http
