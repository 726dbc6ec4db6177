#include "actors/sessions/retained.hpp"

namespace fleetgate::sessions {
namespace {

std::size_t weight(const mqtt::forward_message& m) noexcept {
  return 2 * m.topic.size() + m.payload.size() + m.props.size();
}

}  // namespace

bool retained_messages::put(mqtt::forward_message_ptr m) {
  const auto known = by_topic_.find(m->topic);
  const std::size_t before = known == by_topic_.end() ? 0 : weight(*known->second);
  const bool is_one_too_many = before == 0 && by_topic_.size() >= limits_.retained_messages;
  if (is_one_too_many || bytes_ - before + weight(*m) > limits_.retained_bytes) return false;
  bytes_ = bytes_ - before + weight(*m);
  if (known != by_topic_.end())
    known->second = std::move(m);
  else
    by_topic_.emplace(m->topic, m);
  return true;
}

bool retained_messages::remove(std::string_view topic) {
  const auto known = by_topic_.find(topic);
  if (known == by_topic_.end()) return false;
  bytes_ -= weight(*known->second);
  by_topic_.erase(known);
  return true;
}

}  // namespace fleetgate::sessions
