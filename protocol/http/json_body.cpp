#include <charconv>
#include <nlohmann/json.hpp>

#include "protocol/http/body_reader.hpp"
#include "protocol/http/json_walk.hpp"

namespace fleetgate::http {
namespace {

/// What the quoted text of a valid document says.
std::string unquoted(std::string_view quoted) {
  if (quoted.find('\\') == quoted.npos) return std::string(quoted.substr(1, quoted.size() - 2));
  return nlohmann::json::parse(quoted).get<std::string>();
}

void read_number(std::string_view token, field_value& v) noexcept {
  const char* const end = token.data() + token.size();
  const auto whole = std::from_chars(token.data(), end, v.number);
  if (whole.ec == std::errc{} && whole.ptr == end) {
    v.is = field_value::kind::number;
    return;
  }
  const auto decimal = std::from_chars(token.data(), end, v.decimal);
  if (decimal.ec == std::errc{} && decimal.ptr == end) v.is = field_value::kind::decimal;
}

/// `text` holds what a text says, for as long as the value is used.
field_value value_of(std::string_view whole, std::string& text) {
  field_value v;
  v.whole = whole;
  const char first = whole.front();
  if (first == '"') {
    text = unquoted(whole);
    v.is = field_value::kind::text;
    v.text = text;
  } else if (first == 'n') {
    v.is = field_value::kind::null;
  } else if (first == '-' || (first >= '0' && first <= '9')) {
    read_number(whole, v);
  }
  return v;
}

struct member {
  std::string name;
  std::string_view value;  // as it stands there
};

/// The next one of an object behind its opening bracket; nothing at its end.
std::optional<member> next_member(json_walk& in) {
  if (in.pass('}')) return std::nullopt;
  in.pass(',');
  member m;
  m.name = unquoted(in.value());
  in.pass(':');
  in.next();
  m.value = in.value();
  return m;
}

complaint read_message(std::string_view device, std::string_view object, message& to) {
  json_walk in(object);
  if (!in.pass('{')) return fault(fault_code::request_malformed, "is no object");
  message_fields fields(body_encoding::json);
  std::string text;
  while (const auto m = next_member(in)) {
    const auto f = parse_field(m->name);
    if (!f) return unknown_member(m->name);
    if (auto why = fields.set(*f, value_of(m->value, text))) return why;
  }
  if (auto why = fields.finish(device)) return why;
  to = std::move(fields.made());
  return std::nullopt;
}

/// The array of a batch, if the body has one.
std::optional<std::string_view> find_batch(std::string_view body, std::size_t& members) {
  std::optional<std::string_view> found;
  json_walk in(body);
  in.pass('{');
  for (members = 0; const auto m = next_member(in); ++members) {
    if (m->name == batch_member) found = m->value;
  }
  return found;
}

result<message_request> read_batch(std::string_view device, std::string_view array) {
  message_request r;
  r.is_batch = true;
  json_walk in(array);
  if (!in.pass('[')) return tl::unexpected(not_a_batch());
  while (!in.pass(']')) {
    in.pass(',');
    if (r.messages.size() == most_messages) return tl::unexpected(too_many_messages());
    in.next();
    auto why = read_message(device, in.value(), r.messages.emplace_back());
    if (why) return tl::unexpected(at_message(std::move(*why), true, r.messages.size() - 1));
  }
  if (r.messages.empty()) return tl::unexpected(not_a_batch());
  return r;
}

}  // namespace

result<message_request> read_json(std::string_view device, std::string_view body) {
  if (!nlohmann::json::accept(body)) {
    return failure(fault_code::request_malformed, "the body is not JSON");
  }
  if (json_walk(body).next() != '{') return tl::unexpected(no_object());
  std::size_t members = 0;
  if (const auto batch = find_batch(body, members)) {
    if (members != 1) return tl::unexpected(not_a_batch());
    return read_batch(device, *batch);
  }
  message_request r;
  if (auto why = read_message(device, body, r.messages.emplace_back())) {
    return tl::unexpected(std::move(*why));
  }
  return r;
}

}  // namespace fleetgate::http
