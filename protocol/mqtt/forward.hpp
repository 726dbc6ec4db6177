// An application message on its way to subscribers, and the PUBLISH that each of them gets (MQTT
// 5.0 sections 3.3 and 3.8.4). Pure. One copy of a message serves all its subscribers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/mqtt/packets.hpp"

namespace fleetgate::mqtt {

struct forward_message {
  std::string topic;
  std::string payload;
  std::string props;             // as kept_properties writes them
  std::string publisher;         // client id
  std::string command;           // its id, where it is a command of the ledger; else ""
  std::int64_t received_ns = 0;  // Unix time
  std::uint8_t qos = 0;
  bool retain = false;
};

using forward_message_ptr = std::shared_ptr<const forward_message>;

/// One message to one subscriber.
struct forward {
  forward_message_ptr message;
  std::vector<std::uint32_t> identifiers;  // of the subscriptions that match, section 3.8.2.1.2
  std::uint8_t qos = 0;
  bool retain = false;
};

/// What of a received PUBLISH goes on to subscribers, as on the wire: everything but the topic
/// alias, which is a matter of one connection. [MQTT-3.3.2-17], [MQTT-3.3.2-18]
void append_kept_properties(const properties& p, std::string& out);

/// The same of a message that came another way and has only a content type; "" where it has none.
std::string kept_content_type(std::string_view content_type);

/// Seconds left to live at `now_ns`; nothing where it does not expire, 0 where it has expired.
std::optional<std::uint32_t> expiry_left_s(const forward_message& m, std::int64_t now_ns) noexcept;

/// Aliases that the server has set on one connection, section 3.3.2.3.4. Limit: the client's Topic
/// Alias Maximum; the first topics have them.
class topic_aliases {
 public:
  explicit topic_aliases(std::uint16_t maximum = 0) noexcept : maximum_(maximum) {}

  struct use {
    std::uint16_t alias = 0;  // 0: none
    bool is_set = false;      // the client knows it: the topic may be left out
  };
  use for_topic(std::string_view topic);
  /// The packet that would have set the topic's alias was not sent.
  void take_back(std::string_view topic);

 private:
  std::uint16_t maximum_;
  std::map<std::string, std::uint16_t, std::less<>> known_;
};

/// What the subscriber's connection speaks and takes.
struct forward_terms {
  protocol_version version = protocol_version::v5;
  std::uint32_t maximum_packet_size = 0xFFFF'FFFF;
};

enum class forwarded : std::uint8_t { written, expired, too_large };

/// Appends the PUBLISH. Expired and too large messages are not sent: [MQTT-3.3.2-5],
/// [MQTT-3.1.2-25]; but one that was sent before (`dup`) does not expire any more: [MQTT-4.3.3-7].
/// `alias` where the packet will surely be sent, else {}.
forwarded append_publish(const forward& f, const forward_terms& terms, std::uint16_t packet_id,
                         bool dup, topic_aliases::use alias, std::int64_t now_ns, std::string& out);

}  // namespace fleetgate::mqtt
