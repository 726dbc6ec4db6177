#include "actors/admin/command_body.hpp"

#include <algorithm>

#include "actors/admin/api_json.hpp"
#include "protocol/base/utf8.hpp"
#include "protocol/http/json_walk.hpp"
#include "protocol/http/message_fields.hpp"
#include "protocol/model/device_time.hpp"

namespace fleetgate::admin {
namespace {

constexpr std::size_t most_content_type_bytes = 256;

/// Null counts as absent.
const json* member(const json& body, std::string_view name) {
  const auto at = body.find(name);
  return at == body.end() || at->is_null() ? nullptr : &*at;
}

bool is_text_of(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && is_clean_utf8(text);
}

/// "" where it is not given.
result<std::string> text_of(const json& body, std::string_view name, std::size_t most) {
  const json* const given = member(body, name);
  if (given == nullptr) return std::string();
  if (!given->is_string() || !is_text_of(given->get_ref<const std::string&>(), most)) {
    return tl::unexpected(malformed(std::string(name) + " is not text of 1 to " +
                                    std::to_string(most) + " bytes without U+0000"));
  }
  return given->get<std::string>();
}

bool fits_in_a_topic(std::string_view level) {
  return level.find_first_of("+#/") == level.npos;
}

result<std::string> name_of(const json& body) {
  auto name = text_of(body, "name", most_command_name_bytes);
  if (!name) return name;
  if (name->empty()) return tl::unexpected(malformed("name is missing: what the device is to do"));
  if (!fits_in_a_topic(*name)) return tl::unexpected(malformed("name has a +, # or /"));
  return name;
}

/// The member as it stands in a valid body, the last one of its name.
std::string_view raw_member(std::string_view body, std::string_view name) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // which the parser passes over
  if (body.substr(0, byte_order_mark.size()) == byte_order_mark) {
    body.remove_prefix(byte_order_mark.size());
  }
  std::string_view found;
  http::json_walk in(body);
  for (in.pass('{'); !in.pass('}');) {
    in.pass(',');
    const bool is_it = in.next() != 0 && json::parse(in.value()) == name;
    in.pass(':');
    in.next();
    const std::string_view value = in.value();
    if (is_it) found = value;
  }
  return found;
}

/// Valid JSON without the spaces between its parts: no number loses a digit.
std::string compact(std::string_view text) {
  std::string out;
  bool in_string = false, escaped = false;
  for (const char c : text) {
    if (!in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
    if (c == '"' && !escaped) in_string = !in_string;
    escaped = in_string && c == '\\' && !escaped;
    out += c;
  }
  return out;
}

/// Payload and content type.
result<void> read_payload(const request& r, const json& body, contract::command_request& to) {
  auto type = text_of(body, "content_type", most_content_type_bytes);
  if (!type) return tl::unexpected(std::move(type.error()));
  to.content_type = std::move(*type);
  const auto value = body.find("payload");  // it may well be null
  const json* const base64 = member(body, "payload_base64");
  if (base64 != nullptr) {
    if (value != body.end())
      return tl::unexpected(malformed("payload and payload_base64 are both given"));
    auto bytes = base64->is_string() ? http::base64_decoded(base64->get_ref<const std::string&>())
                                     : std::nullopt;
    if (!bytes) return tl::unexpected(malformed("payload_base64 is not text in padded base64"));
    to.payload = std::move(*bytes);
  } else if (value != body.end() && value->is_string()) {
    to.payload = value->get<std::string>();
  } else if (value != body.end()) {
    to.payload = compact(raw_member(r.body, "payload"));
    if (to.content_type.empty()) to.content_type = "application/json";
  }
  if (to.payload.size() > most_command_payload_bytes) {
    return failure(fault_code::request_too_large,
                   "the payload has " + std::to_string(to.payload.size()) + " bytes, and " +
                       std::to_string(most_command_payload_bytes) + " may be sent");
  }
  return {};
}

constexpr std::int64_t ns_of(std::chrono::seconds s) {
  return std::chrono::nanoseconds(s).count();
}

result<std::int64_t> deadline_of(const json& body, std::int64_t now_ns) {
  const json* const ttl = member(body, "ttl_s");
  const json* const deadline = member(body, "deadline");
  if (ttl != nullptr && deadline != nullptr)
    return tl::unexpected(malformed("ttl_s and deadline are both given"));
  if (deadline != nullptr) {
    const auto at = deadline->is_string()
                        ? model::parse_rfc3339_ns(deadline->get_ref<const std::string&>())
                        : std::nullopt;
    if (!at)
      return tl::unexpected(malformed("deadline is not a time such as 2026-01-31T12:00:00Z"));
    if (*at <= now_ns) return tl::unexpected(malformed("the deadline has passed"));
    if (*at > now_ns + ns_of(most_command_ttl))
      return tl::unexpected(malformed("the deadline is beyond 30 days"));
    return *at;
  }
  if (ttl == nullptr) return now_ns + ns_of(default_command_ttl);
  const std::uint64_t seconds = ttl->is_number_unsigned() ? ttl->get<std::uint64_t>() : 0;
  if (seconds == 0 || seconds > static_cast<std::uint64_t>(most_command_ttl.count())) {
    return tl::unexpected(malformed("ttl_s is not a whole number from 1 to " +
                                    std::to_string(most_command_ttl.count()) + " (30 days)"));
  }
  return now_ns + ns_of(std::chrono::seconds(seconds));
}

/// A header's value as a string of RFC 8941 section 3.3.3, or bare; nothing where its quotation is
/// none.
std::optional<std::string> unquoted(std::string_view text) {
  if (!text.starts_with('"')) return std::string(text);
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (i + 1 == text.size()) return out;
      return std::nullopt;
    }
    if (text[i] == '\\' && (++i == text.size() || (text[i] != '"' && text[i] != '\\'))) {
      return std::nullopt;
    }
    out += text[i];
  }
  return std::nullopt;
}

/// "" where none is given.
result<std::string> idempotency_key_of(const request& r, const json& body) {
  auto in_body = text_of(body, "idempotency_key", most_idempotency_key_bytes);
  const std::string_view header = r.header("Idempotency-Key");
  if (!in_body || header.empty()) return in_body;
  auto in_header = unquoted(header);
  if (!in_header || !is_text_of(*in_header, most_idempotency_key_bytes)) {
    return tl::unexpected(malformed("the header Idempotency-Key is not a text of 1 to " +
                                    std::to_string(most_idempotency_key_bytes) +
                                    " bytes, quoted or not"));
  }
  if (!in_body->empty() && *in_body != *in_header) {
    return tl::unexpected(
        malformed("the header Idempotency-Key and idempotency_key are not the same"));
  }
  return std::move(*in_header);
}

}  // namespace

result<std::string> command_device(const request& r) {
  const std::string_view id = r.capture("id");
  if (!is_text_of(id, most_command_device_bytes)) {
    return tl::unexpected(malformed("the device's id is not UTF-8 of 1 to " +
                                    std::to_string(most_command_device_bytes) +
                                    " bytes without U+0000"));
  }
  if (!fits_in_a_topic(id)) {
    return tl::unexpected(malformed("the device's id has a +, # or /, and is no level of a topic"));
  }
  return std::string(id);
}

result<contract::command_request> read_command(const request& r, std::int64_t now_ns) {
  const auto body = body_object(
      r,
      {"name", "payload", "payload_base64", "content_type", "ttl_s", "deadline", "idempotency_key"},
      most_command_body_bytes);
  if (!body) return tl::unexpected(body.error());
  contract::command_request out;
  const auto read = [&](auto got, auto& to) -> result<void> {
    if (!got) return tl::unexpected(std::move(got.error()));
    to = std::move(*got);
    return {};
  };
  return read(command_device(r), out.device)
      .and_then([&] { return read(name_of(*body), out.name); })
      .and_then([&] { return read_payload(r, *body, out); })
      .and_then([&] { return read(deadline_of(*body, now_ns), out.deadline_ns); })
      .and_then([&] { return read(idempotency_key_of(r, *body), out.idempotency_key); })
      .map([&] { return std::move(out); });
}

}  // namespace fleetgate::admin
