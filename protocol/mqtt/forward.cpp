#include "protocol/mqtt/forward.hpp"

#include <algorithm>

#include "protocol/mqtt/encode.hpp"

namespace fleetgate::mqtt {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

void add(property_list& to, const property& p) {
  switch (p.id) {
    case property_id::payload_format_indicator:
    case property_id::message_expiry_interval:
    case property_id::subscription_identifier:
    case property_id::topic_alias:
      to.add(p.id, p.number);
      return;
    case property_id::content_type:
    case property_id::response_topic:
    case property_id::correlation_data:
      to.add(p.id, p.text);
      return;
    case property_id::user_property:
      to.add_user(p.text, p.value);
      return;
    case property_id::session_expiry_interval:
    case property_id::assigned_client_identifier:
    case property_id::server_keep_alive:
    case property_id::authentication_method:
    case property_id::authentication_data:
    case property_id::request_problem_information:
    case property_id::will_delay_interval:
    case property_id::request_response_information:
    case property_id::response_information:
    case property_id::server_reference:
    case property_id::reason_string:
    case property_id::receive_maximum:
    case property_id::topic_alias_maximum:
    case property_id::maximum_qos:
    case property_id::retain_available:
    case property_id::maximum_packet_size:
    case property_id::wildcard_subscription_available:
    case property_id::subscription_identifier_available:
    case property_id::shared_subscription_available:
      return;  // not of a PUBLISH
  }
}

std::optional<std::uint32_t> expiry_s(const forward_message& m) noexcept {
  for (auto at = properties::iterator(as_bytes(m.props)); at != properties::end(); ++at) {
    if (at->id == property_id::message_expiry_interval) return at->number;
  }
  return std::nullopt;
}

}  // namespace

void append_kept_properties(const properties& p, std::string& out) {
  property_list kept;
  for (const property& one : p) {
    if (one.id == property_id::topic_alias || one.id == property_id::subscription_identifier) {
      continue;
    }
    add(kept, one);
  }
  out.append(as_text(kept.view().bytes()));
}

std::string kept_content_type(std::string_view content_type) {
  property_list kept;
  if (!content_type.empty()) kept.add(property_id::content_type, content_type);
  return std::string(as_text(kept.view().bytes()));
}

std::optional<std::uint32_t> expiry_left_s(const forward_message& m, std::int64_t now_ns) noexcept {
  const auto whole = expiry_s(m);
  if (!whole) return std::nullopt;
  const std::int64_t waited = std::max<std::int64_t>(0, now_ns - m.received_ns) / ns_per_s;
  return waited >= *whole ? 0 : *whole - static_cast<std::uint32_t>(waited);
}

topic_aliases::use topic_aliases::for_topic(std::string_view topic) {
  if (const auto found = known_.find(topic); found != known_.end()) return {found->second, true};
  if (known_.size() >= maximum_) return {};
  const auto alias = static_cast<std::uint16_t>(known_.size() + 1);
  known_.emplace(topic, alias);
  return {alias, false};
}

void topic_aliases::take_back(std::string_view topic) {
  const auto found = known_.find(topic);
  if (found != known_.end() && found->second == known_.size()) known_.erase(found);
}

forwarded append_publish(const forward& f, const forward_terms& terms, std::uint16_t packet_id,
                         bool dup, topic_aliases::use alias, std::int64_t now_ns,
                         std::string& out) {
  const forward_message& m = *f.message;
  const auto left = expiry_left_s(m, now_ns);
  if (left == 0u && !dup) return forwarded::expired;
  publish_packet p;
  p.topic = alias.is_set ? std::string_view{} : std::string_view(m.topic);
  p.payload = as_bytes(m.payload);
  p.packet_id = packet_id;
  p.qos = f.qos;
  p.dup = dup;
  p.retain = f.retain;
  property_list props;
  if (terms.version == protocol_version::v5) {
    for (auto at = properties::iterator(as_bytes(m.props)); at != properties::end(); ++at) {
      property one = *at;
      if (one.id == property_id::message_expiry_interval) one.number = *left;  // [MQTT-3.3.2-6]
      add(props, one);
    }
    for (const auto id : f.identifiers) props.add(property_id::subscription_identifier, id);
    if (alias.alias != 0) props.add(property_id::topic_alias, alias.alias);
    p.props = props.view();
  }
  const auto before = out.size();
  encode(p, terms.version, out);
  if (out.size() - before <= terms.maximum_packet_size) return forwarded::written;
  out.resize(before);
  return forwarded::too_large;
}

}  // namespace fleetgate::mqtt
