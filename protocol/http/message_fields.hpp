// What one message of a request says of itself, field by field, and the rules that both encodings
// share. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/http/message_request.hpp"

namespace fleetgate::http {

enum class field : std::uint8_t {
  stream,
  topic,
  sequence,
  epoch,
  device_time,
  content_type,
  traceparent,
  payload,
  encoding,
};
inline constexpr std::size_t field_count = 9;

std::string_view to_string(field f) noexcept;
std::optional<field> parse_field(std::string_view name) noexcept;

/// A value as far as fields look into one; text and bytes are borrowed.
struct field_value {
  enum class kind : std::uint8_t { null, number, decimal, text, bytes, other };
  kind is = kind::other;
  std::uint64_t number = 0;
  double decimal = 0;
  std::string_view text;   // also of bytes
  std::string_view whole;  // the value as it stands in the body
};

/// Why a message is not one: the fault, with the field's name before the reason.
using complaint = std::optional<fault>;

class message_fields {
 public:
  explicit message_fields(body_encoding encoding) noexcept : encoding_(encoding) {}

  /// A field is given at most once; null is as if it were not.
  complaint set(field f, const field_value& v);
  /// Once all fields are set. `device` is whose messages they are.
  complaint finish(std::string_view device);
  [[nodiscard]] message& made() noexcept { return made_; }

 private:
  complaint set_text(field f, const field_value& v, std::size_t most, std::string& to);
  complaint set_device_time(const field_value& v);
  complaint set_topic(std::string_view device);
  complaint set_payload();

  const body_encoding encoding_;
  message made_;
  std::uint32_t given_ = 0;  // bit by field
  std::string stream_;
  std::string payload_text_;  // where the payload is text, for it may be base64
  bool is_text_ = false;
  bool is_value_ = false;  // the payload is a value of the body's encoding
  bool is_base64_ = false;
};

/// RFC 4648 section 4, padded; nothing where it is anything else.
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace fleetgate::http
