#include "actors/admin/api_json.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "protocol/base/utf8.hpp"

namespace fleetgate::admin {
namespace {

json fault_value(const std::optional<fault>& f) {
  if (!f) return nullptr;
  return {{"fault", describe(f->code).name}, {"detail", to_string(*f)}};
}

/// `name`, or `name`_base64 where it is not text.
void add_bytes(json& to, const std::string& name, std::string_view value) {
  if (is_clean_utf8(value)) {
    to[name] = value;
  } else {
    to[name + "_base64"] = base64(as_bytes(value));
  }
}

json position_value(const std::optional<model::position>& p) {
  return p ? json(to_string(*p)) : json(nullptr);
}

}  // namespace

fault malformed(std::string why) {
  return fault(fault_code::request_malformed, std::move(why));
}

response json_response(const json& body, std::uint16_t status) {
  response r;
  r.status = status;
  // Names come from devices: what is not UTF-8 is replaced.
  r.body = body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  return r;
}

json time_value(std::int64_t unix_ns) {
  if (unix_ns <= 0) return nullptr;
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string ms = std::to_string(1000 + unix_ns / 1'000'000 % 1000);
  return std::string(text, n) + "." + ms.substr(1) + "Z";
}

json positions(const contract::cursor& at) {
  json lanes = json::object();
  for (std::size_t i = 0; i < at.lanes.size(); ++i) {
    lanes[std::string(to_string(static_cast<model::lane>(i)))] = to_string(at.lanes[i]);
  }
  return lanes;
}

json to_json(const contract::connected_device& d) {
  return {{"client_id", d.client_id},
          {"listener", d.listener},
          {"peer", d.peer},
          {"protocol", d.protocol},
          {"connected_at", time_value(d.connected_time_ns)},
          {"session_expiry_seconds", d.session_expiry_s},
          {"unacknowledged_bytes", d.unacknowledged_bytes},
          {"withheld", d.withheld}};
}

json to_json(const contract::spool_report& r) {
  json lanes = json::array(), readers = json::array();
  for (const auto& l : r.lanes) {
    lanes.push_back({{"lane", to_string(l.in)},
                     {"bytes", l.bytes},
                     {"limit_bytes", l.limit_bytes},
                     {"records", l.records},
                     {"segments", l.segments},
                     {"shed_records", l.shed_records},
                     {"oldest_at", time_value(l.oldest_received_time_ns)},
                     {"first_position", position_value(l.first)}});
  }
  for (const auto& reader : r.readers) {
    readers.push_back({{"name", reader.name},
                       {"required", reader.required},
                       {"positions", positions(reader.at)},
                       {"shed_records", reader.shed_records}});
  }
  return {{"uuid", to_string(r.uuid)},
          {"incarnation", r.incarnation},
          {"used_bytes", r.used_bytes},
          {"budget_bytes", r.budget_bytes},
          {"last_lsn", r.last_lsn},
          {"durable_lsn", r.durable_lsn},
          {"refused_records", r.refused_records},
          {"removed_segments", r.removed_segments},
          {"damaged_records", r.damaged_records},
          {"torn_bytes", r.torn_bytes},
          {"trouble", fault_value(r.trouble)},
          {"lanes", std::move(lanes)},
          {"readers", std::move(readers)}};
}

json to_json(const contract::sink_report& r) {
  return {{"name", r.name},
          {"state", to_string(r.state)},
          {"lag_records", r.lag_records},
          {"rows", r.rows},
          {"failures", r.failures},
          {"last_failure", fault_value(r.last_failure)},
          {"positions", positions(r.delivered)}};
}

json to_json(const contract::actor_report& a, std::string_view supervisor) {
  return {{"name", a.name},
          {"supervisor", supervisor},
          {"state", to_string(a.state)},
          {"restarts", a.restarts},
          {"busy_seconds", a.busy_ns ? json(*a.busy_ns / 1'000'000'000) : json()},
          {"last_error", fault_value(a.last_error)},
          {"last_error_at", a.last_error ? time_value(a.last_error_time_ns) : json()}};
}

json to_json(const contract::stored_record& r, bool payload) {
  const model::envelope& e = r.envelope;
  json out{{"position", to_string(r.at)},
           {"received_at", time_value(e.received_time_ns)},
           {"fault", describe(e.fault).name},
           {"reason", describe(e.fault).text},
           {"device", e.device},
           {"client_id", e.client_id},
           {"tenant", e.tenant},
           {"topic", e.topic},
           {"class", to_string(e.cls)},
           {"content_type", e.content_type},
           {"trace_id", to_string(e.trace)},
           {"payload_bytes", e.payload.size()}};
  if (!payload) return out;
  const byte_view shown = e.payload.first(std::min(e.payload.size(), most_payload_bytes));
  out["payload_base64"] = base64(shown);
  out["payload_text"] = is_clean_utf8(as_text(shown)) ? json(as_text(shown)) : json(nullptr);
  out["payload_truncated"] = shown.size() != e.payload.size();
  return out;
}

json to_json(const contract::command& c) {
  json out{{"id", c.id},
           {"device", c.request.device},
           {"name", c.request.name},
           {"content_type", c.request.content_type}};
  add_bytes(out, "payload", c.request.payload);
  out["state"] = to_string(c.state);
  out["result"] = to_string(c.result);
  out["answer_content_type"] = c.answer_content_type;
  add_bytes(out, "answer", c.answer);
  out["sent"] = c.sent;
  out["created_time"] = time_value(c.created_time_ns);
  out["changed_time"] = time_value(c.changed_time_ns);
  out["deadline"] = time_value(c.request.deadline_ns);
  return out;
}

result<std::size_t> page_limit(const request& r) {
  const auto given = r.query_value("limit");
  if (!given) return default_page;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), limit);
  if (error != std::errc() || end != given->data() + given->size() || limit == 0 ||
      limit > largest_page) {
    return tl::unexpected(
        malformed("limit is a whole number from 1 to " + std::to_string(largest_page)));
  }
  return limit;
}

result<json> body_object(const request& r, std::initializer_list<std::string_view> known,
                         std::size_t most_bytes) {
  if (r.body.empty()) return json::object();
  if (r.body.size() > most_bytes) {
    return failure(fault_code::request_too_large,
                   "at most " + std::to_string(most_bytes) + " bytes are read");
  }
  bool too_deep = false;
  const auto look = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > deepest_body;
    return !too_deep;
  };
  json body = json::parse(r.body, look, false);
  if (too_deep) {
    return tl::unexpected(
        malformed("the body is nested deeper than " + std::to_string(deepest_body) + " levels"));
  }
  if (!body.is_object()) return tl::unexpected(malformed("the body is not a JSON object"));
  for (const auto& [name, value] : body.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return tl::unexpected(malformed("the body has an unknown member \"" + name + "\""));
    }
  }
  return body;
}

std::string base64(byte_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < n ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= n ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

}  // namespace fleetgate::admin
