#include "protocol/http/message_fields.hpp"

#include <array>
#include <utility>

#include "protocol/base/utf8.hpp"
#include "protocol/model/device_time.hpp"
#include "protocol/mqtt/topic.hpp"

namespace fleetgate::http {
namespace {

constexpr std::array<std::string_view, field_count> names{
    "stream",       "topic",       "sequence", "epoch",   "device_time",
    "content_type", "traceparent", "payload",  "encoding"};

constexpr std::uint64_t most_key_number = (std::uint64_t{1} << 63) - 1;

fault wrong(field f, std::string_view why, fault_code code = fault_code::request_malformed) {
  return fault(code, std::string(to_string(f)) + " " + std::string(why));
}

complaint set_number(field f, const field_value& v, std::optional<std::uint64_t>& to) {
  if (v.is != field_value::kind::number || v.number > most_key_number) {
    return wrong(f, "is not a whole number from 0 to 9223372036854775807");
  }
  to = v.number;
  return std::nullopt;
}

/// The digit's value; 64 where it is none.
std::uint32_t base64_digit(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a' + 26);
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0' + 52);
  return c == '+' ? 62 : c == '/' ? 63 : 64;
}

}  // namespace

std::string_view to_string(field f) noexcept {
  return names[static_cast<std::size_t>(f)];
}

std::optional<field> parse_field(std::string_view name) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<field>(i);
  }
  return std::nullopt;
}

complaint message_fields::set(field f, const field_value& v) {
  const auto bit = std::uint32_t{1} << static_cast<unsigned>(f);
  if ((given_ & bit) != 0) return wrong(f, "is given twice");
  given_ |= bit;
  // A payload may well be null.
  if (v.is == field_value::kind::null && f != field::payload) return std::nullopt;
  switch (f) {
    case field::stream:
      return set_text(f, v, most_stream_bytes, stream_);
    case field::topic:
      return set_text(f, v, most_topic_bytes, made_.topic);
    case field::sequence:
      return set_number(f, v, made_.sequence);
    case field::epoch:
      return set_number(f, v, made_.epoch);
    case field::device_time:
      return set_device_time(v);
    case field::content_type:
      return set_text(f, v, most_text_bytes, made_.content_type);
    case field::traceparent:
      return set_text(f, v, most_text_bytes, made_.traceparent);
    case field::payload:
      is_text_ = v.is == field_value::kind::text;
      is_value_ = v.is != field_value::kind::bytes;
      made_.payload = is_value_ ? v.whole : v.text;
      if (is_text_) payload_text_ = v.text;
      return std::nullopt;
    case field::encoding:
      if (v.is != field_value::kind::text || v.text != "base64") {
        return wrong(f, "is not \"base64\", the only one there is");
      }
      is_base64_ = true;
      return std::nullopt;
  }
  return std::nullopt;
}

complaint message_fields::set_text(field f, const field_value& v, std::size_t most,
                                   std::string& to) {
  if (v.is != field_value::kind::text) return wrong(f, "is not text");
  if (v.text.empty()) return wrong(f, "is empty");
  if (v.text.size() > most) {
    return wrong(f, "has more than " + std::to_string(most) + " bytes");
  }
  if (!is_clean_utf8(v.text)) return wrong(f, "is not UTF-8 without U+0000");
  to = v.text;
  return std::nullopt;
}

complaint message_fields::set_device_time(const field_value& v) {
  std::optional<std::int64_t> ns;
  if (v.is == field_value::kind::number) ns = model::device_time_ns(v.number);
  if (v.is == field_value::kind::decimal) ns = model::device_time_ns(v.decimal);
  if (v.is == field_value::kind::text) ns = model::parse_rfc3339_ns(v.text);
  if (!ns) return wrong(field::device_time, "is neither a Unix time nor RFC 3339 text");
  made_.device_time_ns = *ns;
  return std::nullopt;
}

complaint message_fields::finish(std::string_view device) {
  if (auto why = set_topic(device)) return why;
  return set_payload();
}

complaint message_fields::set_topic(std::string_view device) {
  if (!stream_.empty() && !made_.topic.empty()) {
    return wrong(field::topic, "and stream are both given: the stream comes from the topic");
  }
  if (made_.topic.empty()) {
    if (stream_.empty()) return wrong(field::stream, "is missing, and so is topic");
    if (device.find('/') != device.npos) {
      return wrong(field::topic, "is missing: an id with a slash is no level of a topic",
                   fault_code::topic_name_invalid);
    }
    made_.topic.append("devices/").append(device).append("/").append(stream_);
  }
  if (!mqtt::is_topic_name(made_.topic)) {
    return wrong(field::topic, "would have a wildcard, + or #", fault_code::topic_name_invalid);
  }
  return std::nullopt;
}

complaint message_fields::set_payload() {
  if ((given_ & std::uint32_t{1} << static_cast<unsigned>(field::payload)) == 0) {
    return wrong(field::payload, "is missing");
  }
  if (is_base64_) {
    auto bytes = is_text_ ? base64_decoded(payload_text_) : std::nullopt;
    if (!bytes) return wrong(field::payload, "is not text in padded base64");
    made_.payload = std::move(*bytes);
    return std::nullopt;
  }
  if (is_value_ && made_.content_type.empty()) {
    made_.content_type =
        encoding_ == body_encoding::json ? "application/json" : "application/msgpack";
  }
  return std::nullopt;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const std::uint32_t digit = base64_digit(c);
    if (digit == 64) return std::nullopt;
    bits = bits << 6 | digit;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>(bits >> held & 0xFF));
  }
  // What is left over must be zero, or two texts would mean the same bytes (section 3.5).
  if ((bits & ((1u << held) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace fleetgate::http
