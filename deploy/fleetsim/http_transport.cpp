#include "deploy/fleetsim/http_transport.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "deploy/fleetsim/payload.hpp"
#include "deploy/fleetsim/stream_name.hpp"

namespace fleetgate::fleetsim {
namespace {

using json = nlohmann::json;

constexpr std::size_t largest_body = 1024 * 1024;
constexpr std::size_t object_overhead = 1400;  // topic, numbers and names around a payload
constexpr std::uint16_t idle_s = 10;           // after which the gateway closes a connection
constexpr unsigned ok = 200, accepted = 202, multi_status = 207;
constexpr unsigned unauthorized = 401, forbidden = 403, not_found = 404;

/// Percent-encoded (RFC 3986 section 2.1) where it is not unreserved.
std::string encoded(std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    if (is_plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

/// The reason code of the fault that a problem or a result names.
std::uint8_t reason_of(const json& from) {
  const auto name = from.is_object() ? from.find("fault") : from.end();
  if (name == from.end() || !name->is_string()) return unspecified_error;
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto& known = describe(static_cast<fault_code>(i));
    if (known.name == name->get_ref<const std::string&>()) {
      return std::max(known.mqtt_reason, unspecified_error);
    }
  }
  return unspecified_error;
}

std::uint8_t reason_of(const http_response& r) {
  return reason_of(json::parse(r.body, nullptr, false));
}

/// A server that asks for more is asked again after an hour.
std::uint32_t at_most_an_hour(std::uint64_t ms) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(ms, 3'600'000));
}

std::uint32_t in_ms(std::uint32_t seconds) {
  return at_most_an_hour(seconds * std::uint64_t{1000});
}

event answer(std::uint16_t id) {
  event e;
  e.is = event::kind::acknowledged;
  e.id = id;
  return e;
}

event not_taken(std::uint16_t id, std::uint8_t reason, std::optional<std::uint32_t> retry_ms) {
  event e = answer(id);
  e.reason = reason;
  if (!retry_ms) return e;
  e.is = event::kind::sent_back;
  e.retry_after_ms = *retry_ms;
  return e;
}

/// Of one message in a batch; nothing where it is no result.
std::optional<event> meaning_of(const json& result, std::uint16_t id) {
  const auto said = result.is_object() ? result.find("result") : result.end();
  if (said == result.end() || !said->is_string()) return std::nullopt;
  const auto& word = said->get_ref<const std::string&>();
  if (word == "stored" || word == "duplicate" || word == "received") return answer(id);
  const auto retry = result.find("retry_after_ms");
  const bool again = retry != result.end() && retry->is_number_unsigned();
  return not_taken(
      id, reason_of(result),
      again ? std::optional(at_most_an_hour(retry->get<std::uint64_t>())) : std::nullopt);
}

}  // namespace

http_transport::http_transport(const connection_settings& connection, http_settings settings)
    : connection_(connection), settings_(std::move(settings)) {}

void http_transport::connect(const introduction& who, std::string& out) {
  device_ = who.device;
  path_ = "/api/v1/devices/" + encoded(device_) + "/messages";
  body_.clear();
  ids_.clear();
  closes_ = false;
  ask_for_life(question::greeting, out);
}

void http_transport::ask_for_life(question why, std::string& out) {
  out += "GET /livez HTTP/1.1\r\nHost: " + settings_.host + "\r\n\r\n";
  asked_ = why;
}

// ---- what the device says
// ------------------------------------------------------------------------

bool http_transport::accepts() const noexcept {
  if (asked_ != question::none || closes_) return false;
  if (ids_.empty()) return true;
  return ids_.size() < settings_.batch &&
         body_.size() + object_overhead +
                 payload_writer::longest(settings_.payload_bytes, device_.size()) <=
             largest_body;
}

void http_transport::send(const message& m, std::string&) {
  if (!ids_.empty()) body_ += ',';
  ids_.push_back(m.at.id);
  append_topic(m.topic);
  body_ += ",\"epoch\":" + std::to_string(m.at.boot);
  body_ += ",\"sequence\":" + std::to_string(m.at.sequence) + ",\"payload\":";
  body_ += m.payload;
  body_ += '}';
}

void http_transport::append_topic(std::string_view topic) {
  const stream_name name = stream_of(topic, device_);
  body_ += name.tells_topic ? "{\"topic\":" : "{\"stream\":";
  body_ += json(name.tells_topic ? topic : name.stream).dump();
}

void http_transport::complete(std::string& out) {
  if (ids_.empty() || asked_ != question::none) return;
  constexpr std::string_view before = "{\"messages\":[", after = "]}";
  const bool is_batch = settings_.batch > 1;
  const std::size_t length = body_.size() + (is_batch ? before.size() + after.size() : 0);
  out += "POST " + path_ + " HTTP/1.1\r\nHost: " + settings_.host +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
  if (is_batch) out += before;
  out += body_;
  if (is_batch) out += after;
  body_.clear();
  asked_ = question::messages;
}

void http_transport::ping(std::string& out) {
  if (asked_ == question::none && !closes_) ask_for_life(question::ping, out);
}

// ---- what the server says
// ------------------------------------------------------------------------

result<std::size_t> http_transport::take(byte_view received, std::vector<event>& events,
                                         std::string&) {
  std::size_t done = 0;
  while (done < received.size()) {
    const auto next = next_response(as_text(received.subspan(done)));
    if (!next) return tl::unexpected(next.error());
    if (!*next) return done;
    if (auto understood = understand(**next, events); !understood) {
      return tl::unexpected(understood.error());
    }
    done += (*next)->size;
  }
  return done;
}

result<void> http_transport::understand(const http_response& r, std::vector<event>& events) {
  closes_ = closes_ || r.closes;
  event e;
  switch (std::exchange(asked_, question::none)) {
    case question::none:
      e.is = event::kind::unexpected;
      events.push_back(e);
      return {};
    case question::greeting:
      events.push_back(meaning_of_greeting(r));
      return {};
    case question::ping:
      events.push_back(e);
      return {};
    case question::messages:
      break;
  }
  const auto understood = understand_answers(r, events);
  ids_.clear();
  return understood;
}

event http_transport::meaning_of_greeting(const http_response& r) const {
  event e;
  if (r.status == ok) {
    e.is = event::kind::connected;
    e.most_in_flight = settings_.batch;
    e.keep_alive_s = std::min(connection_.keep_alive_s, idle_s);
    return e;
  }
  e.is = event::kind::turned_away;
  e.reason = reason_of(r);
  e.for_good = r.status == unauthorized || r.status == forbidden || r.status == not_found;
  e.retry_after_ms = in_ms(r.retry_after_s.value_or(0));
  return e;
}

result<void> http_transport::understand_answers(const http_response& r,
                                                std::vector<event>& events) const {
  const bool is_good = r.status == ok || r.status == accepted;
  if (settings_.batch > 1 && (is_good || r.status == multi_status)) {
    const json body = json::parse(r.body, nullptr, false);
    const auto results = body.is_object() ? body.find("results") : body.end();
    bool fits = results != body.end() && results->is_array() && results->size() == ids_.size();
    for (std::size_t i = 0; fits && i < ids_.size(); ++i) {
      const auto e = meaning_of((*results)[i], ids_[i]);
      fits = e.has_value();
      if (fits) events.push_back(*e);
    }
    if (fits) return {};
    return failure(fault_code::malformed_packet,
                   "from the server: not one result for each message");
  }
  for (const std::uint16_t id : ids_) {
    events.push_back(is_good ? answer(id)
                             : not_taken(id, reason_of(r),
                                         r.retry_after_s ? std::optional(in_ms(*r.retry_after_s))
                                                         : std::nullopt));
  }
  return {};
}

}  // namespace fleetgate::fleetsim
