#include <algorithm>

#include "actors/sessions/sessions.hpp"
#include "protocol/mqtt/encode.hpp"
#include "protocol/mqtt/reasons.hpp"
#include "protocol/mqtt/topic.hpp"

namespace fleetgate::sessions {
namespace {

constexpr std::uint8_t first_error = mqtt::reason_unspecified_error;

/// MQTT 5.0 section 3.8.3.1, Retain Handling.
bool wants_retained(const mqtt::subscription& s, bool is_new) noexcept {
  return s.retain_handling == 0 || (s.retain_handling == 1 && is_new);
}

/// In its session and in the tree, where each level is a node.
std::size_t memory_of(std::string_view filter) noexcept {
  constexpr std::size_t level_bytes = 96;
  return 2 * filter.size() + level_bytes * mqtt::level_count(filter);
}

}  // namespace

void sessions::subscribe(session& s, const contract::subscribe_request& r) {
  std::string reasons;
  std::size_t granted = 0;
  auto filters = as_bytes(r.filters);
  while (const auto wanted = mqtt::next_subscription(filters)) {
    const bool is_new = !s.subscriptions.contains(wanted->filter);
    const bool is_too_many = granted == limits_.subscriptions_per_session;
    const auto reason = is_too_many ? describe(fault_code::quota_exceeded).mqtt_reason
                                    : grant(s, *wanted, r.identifier);
    if (reason < first_error) ++granted;
    // 3.1.1 knows but one refusal. Its section 3.9.3
    const bool v5 = s.terms.version == mqtt::protocol_version::v5;
    reasons.push_back(static_cast<char>(reason < first_error || v5 ? reason : first_error));
    if (reason < first_error && wants_retained(*wanted, is_new)) owe_retained(s, wanted->filter);
  }
  store(s);
  answer(s, mqtt::packet_type::suback, r.packet_id, reasons);
  if (!s.subscriptions.empty()) note_ready(s);
  list_replay(s);
}

/// The reason code: what was granted, or why nothing was.
std::uint8_t sessions::grant(session& s, const mqtt::subscription& wanted,
                             std::uint32_t identifier) {
  if (mqtt::is_shared_filter(wanted.filter)) return mqtt::reason_shared_not_supported;
  if (mqtt::level_count(wanted.filter) > mqtt::maximum_filter_levels) {
    return describe(fault_code::topic_filter_invalid).mqtt_reason;
  }
  const bool is_new = !s.subscriptions.contains(wanted.filter);
  if (is_new && !has_room_for_filter(s, wanted.filter)) {
    return describe(fault_code::quota_exceeded).mqtt_reason;
  }
  if (is_new) count_filter(s, wanted.filter);
  const mqtt::granted_subscription g{s.number, identifier, wanted.maximum_qos, wanted.no_local,
                                     wanted.retain_as_published};
  // Retained messages that are on their way come all the same. [MQTT-3.8.4-3]
  static_cast<mqtt::granted_subscription&>(s.subscriptions[std::string(wanted.filter)]) = g;
  tree_.put(wanted.filter, g);
  return wanted.maximum_qos;
}

bool sessions::has_room_for_filter(const session& s, std::string_view filter) const noexcept {
  return s.subscriptions.size() < limits_.subscriptions_per_session &&
         tree_.size() < limits_.subscriptions &&
         s.filter_bytes + filter.size() <= limits_.filter_bytes_per_session &&
         filter_bytes_ + memory_of(filter) <= limits_.filter_bytes;
}

void sessions::count_filter(session& s, std::string_view filter) noexcept {
  s.filter_bytes += filter.size();
  filter_bytes_ += memory_of(filter);
}

void sessions::discount_filter(session& s, std::string_view filter) noexcept {
  s.filter_bytes -= filter.size();
  filter_bytes_ -= memory_of(filter);
}

void sessions::unsubscribe(session& s, const contract::unsubscribe_request& r) {
  std::string reasons;
  auto filters = as_bytes(r.filters);
  while (const auto filter = mqtt::next_filter(filters)) {
    const auto known = s.subscriptions.find(*filter);
    if (known == s.subscriptions.end()) {
      reasons.push_back(static_cast<char>(mqtt::reason_no_subscription_existed));
      continue;
    }
    tree_.remove(*filter, s.number);
    owe_no_more(s, *known);
    discount_filter(s, *filter);
    s.subscriptions.erase(known);
    reasons.push_back(static_cast<char>(mqtt::reason_success));
  }
  store(s);
  answer(s, mqtt::packet_type::unsuback, r.packet_id, reasons);
}

void sessions::answer(session& s, mqtt::packet_type type, std::uint16_t packet_id,
                      std::string_view reasons) {
  std::string packets;
  encode(mqtt::suback_packet{type, packet_id, {}, as_bytes(reasons)}, s.terms.version, packets);
  send(s, std::move(packets), false);
}

}  // namespace fleetgate::sessions
