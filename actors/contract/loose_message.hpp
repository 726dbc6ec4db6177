// Messages that no connection brings, on their way to a shard: wills, what HTTP requests hand in,
// and what is replayed from quarantine; and what became of them. A request belongs to whoever holds
// it; its shard answers it once. Limits: the mailbox's (mailbox_limits), and each request's
// deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/runtime/mail.hpp"
#include "actors/runtime/memory_budget.hpp"
#include "protocol/base/fault.hpp"
#include "protocol/model/receipt.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::contract {

/// What inbound_message has, with its own memory. Rule, class and level come from the topic.
struct loose_message {
  std::string topic;
  std::string payload;
  std::string device;     // where the topic's rule captures none
  std::string client_id;  // "": no MQTT session's
  std::string content_type;
  std::string traceparent;
  std::string attributes;
  std::string properties;  // as inbound_message::properties
  std::string user_seq, user_epoch;
  bool payload_is_utf8 = false;  // the sender says so
  std::optional<std::uint64_t> sequence;
  std::optional<std::uint64_t> epoch;
  std::int64_t device_time_ns = 0;
  std::int64_t received_time_ns = 0;  // 0: now
  std::uint8_t qos = 1;               // at most 1: there is no exchange that could be exactly once
  bool retain = false;
  bool waits_for_room = false;  // as a device's own over MQTT does; else it is refused
};

/// What became of one message.
struct message_fate {
  model::outcome result = model::outcome::refused;
  fault_code fault = fault_code::no_answer;  // with quarantined and refused; no_answer: not known
  model::ack_level level = model::ack_level::none;  // what `stored` and `duplicate` mean
};

struct message_request {
  std::vector<loose_message> messages;
  std::uint64_t deadline_ns = 0;  // steady; what has no receipt by then is answered `no_answer`
  runtime::memory_charge charge;  // of `messages`
  /// One fate a message, in their order. Called once, on the shard's thread; not called where the
  /// node has gone before.
  std::function<void(std::vector<message_fate>)> answer;
};

using request_mail = runtime::mail<message_request>;

}  // namespace fleetgate::contract
