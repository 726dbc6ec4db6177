// Retained messages (MQTT 5.0 section 3.3.1.3) by topic. Owned by the sessions brain; its thread.
// Limit: number and bytes; a topic that does not fit keeps what it had.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "actors/sessions/limits.hpp"
#include "protocol/mqtt/forward.hpp"
#include "protocol/mqtt/subscription_tree.hpp"

namespace fleetgate::sessions {

class retained_messages {
 public:
  explicit retained_messages(const sessions_limits& limits) noexcept : limits_(limits) {}

  /// Replaces what the topic had. False: no room.
  bool put(mqtt::forward_message_ptr m);
  /// False where there was none.
  bool remove(std::string_view topic);

  [[nodiscard]] std::size_t size() const noexcept { return by_topic_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  /// Calls `visit(const forward_message_ptr&)` for each that `filter` matches.
  template <class Visit>
  void match(std::string_view filter, Visit&& visit) const {
    if (filter.find_first_of("+#") == std::string_view::npos) {
      const auto found = by_topic_.find(filter);
      if (found != by_topic_.end()) visit(found->second);
      return;
    }
    const auto fixed = filter.substr(0, filter.find_first_of("+#"));
    for (auto at = by_topic_.lower_bound(parent(fixed)); at != by_topic_.end(); ++at) {
      if (!std::string_view(at->first).starts_with(parent(fixed))) break;
      if (mqtt::filter_matches(filter, at->first)) visit(at->second);
    }
  }

 private:
  /// `a/#` matches `a` too.
  static std::string_view parent(std::string_view fixed) noexcept {
    return fixed.ends_with('/') ? fixed.substr(0, fixed.size() - 1) : fixed;
  }

  const sessions_limits& limits_;
  std::map<std::string, mqtt::forward_message_ptr, std::less<>> by_topic_;
  std::size_t bytes_ = 0;
};

}  // namespace fleetgate::sessions
