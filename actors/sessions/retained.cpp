#include "actors/sessions/retained.hpp"

#include "protocol/mqtt/subscription_tree.hpp"

namespace fleetgate::sessions {
namespace {

std::size_t weight(const mqtt::forward_message& m) noexcept {
  return 2 * m.topic.size() + m.payload.size() + m.props.size();
}

/// What all topics begin with that the filter matches: up to its first wildcard. `a/#` matches `a`
/// too.
std::string_view beginning(std::string_view filter) noexcept {
  const auto fixed = filter.substr(0, filter.find_first_of("+#"));
  return fixed.ends_with('/') ? fixed.substr(0, fixed.size() - 1) : fixed;
}

bool has_wildcard(std::string_view filter) noexcept {
  return filter.find_first_of("+#") != std::string_view::npos;
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

bool retained_messages::may_match(std::string_view filter) const {
  if (!has_wildcard(filter)) return by_topic_.contains(filter);
  const auto at = by_topic_.lower_bound(beginning(filter));
  return at != by_topic_.end() && std::string_view(at->first).starts_with(beginning(filter));
}

mqtt::forward_message_ptr retained_messages::next(std::string_view filter, std::string& after,
                                                  std::size_t& looks) const {
  if (!has_wildcard(filter)) {
    const auto found = after.empty() ? by_topic_.find(filter) : by_topic_.end();
    return found == by_topic_.end() ? nullptr : found->second;
  }
  const auto begins = beginning(filter);
  auto at = after.empty() ? by_topic_.lower_bound(begins) : by_topic_.upper_bound(after);
  const std::string* passed = nullptr;
  for (; at != by_topic_.end() && std::string_view(at->first).starts_with(begins); ++at) {
    const bool may_look = looks != 0;
    if (may_look) --looks;
    if (may_look && !mqtt::filter_matches(filter, at->first)) {
      passed = &at->first;
      continue;
    }
    if (passed != nullptr) after = *passed;
    return may_look ? at->second : nullptr;
  }
  if (passed != nullptr) after = *passed;
  return nullptr;
}

}  // namespace fleetgate::sessions
