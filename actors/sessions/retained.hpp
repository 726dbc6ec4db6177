// Retained messages (MQTT 5.0 section 3.3.1.3) by topic. Owned by the sessions brain; its thread.
// Limit: number and bytes; a topic that does not fit keeps what it had.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "actors/sessions/limits.hpp"
#include "protocol/mqtt/forward.hpp"

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

  /// False: no topic matches `filter`; a look at one place only.
  [[nodiscard]] bool may_match(std::string_view filter) const;
  /// The first that `filter` matches behind the topic `after` ("": of all), which goes on to what
  /// lies before it. Null: none; or `looks`, the number of topics that may be looked at, is 0 now.
  [[nodiscard]] mqtt::forward_message_ptr next(std::string_view filter, std::string& after,
                                               std::size_t& looks) const;

 private:
  using messages = std::map<std::string, mqtt::forward_message_ptr, std::less<>>;

  const sessions_limits& limits_;
  messages by_topic_;
  std::size_t bytes_ = 0;
};

}  // namespace fleetgate::sessions
