// What a connection hands to the parser of its shard: a publication with everything that the packet
// and the topic rule say about it. Lives for one call. Views point into the arena of the batch that
// the envelope will go into; `payload` has arena::padding readable bytes behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/base/bytes.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/topic_rules.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::contract {

/// What a message costs in memory beside its own text and payload.
inline constexpr std::size_t message_overhead_bytes = 512;

struct inbound_message {
  std::string_view topic;
  byte_view payload;

  // By the topic rule, and by the connection where the rule captures nothing.
  const model::topic_rule* rule = nullptr;  // never null when parsed
  std::string_view device;
  std::string_view stream;  // of the key (topic_match::stream)
  std::string_view tenant;
  model::traffic_class cls = model::traffic_class::telemetry;
  model::ack_level level = model::ack_level::none;

  // What the protocol has fields for; beats what properties and payload say.
  std::optional<std::uint64_t> sequence;  // below 2^63
  std::optional<std::uint64_t> epoch;     // below 2^63
  std::int64_t device_time_ns = 0;        // Unix time; 0 where not given

  // MQTT 5 properties, and what other protocols say likewise; "" or false where absent.
  std::string_view content_type;  // MQTT 5.0 section 3.3.2.3.9
  bool payload_is_utf8 = false;   // payload format indicator, MQTT 5.0 section 3.3.2.3.2
  std::string_view user_seq;      // user property `seq`
  std::string_view user_epoch;    // user property `epoch`
  std::string_view traceparent;   // user property `traceparent`
  std::string_view attributes;    // the other user properties as a JSON object, or ""
  std::string_view properties;    // all that go on to subscribers (mqtt::append_kept_properties)

  // Origin.
  std::string_view client_id;
  model::connection_ref connection;
  std::int64_t received_time_ns = 0;
  std::uint64_t received_steady_ns = 0;
  std::uint32_t charged_bytes = 0;  // to its connection
  std::uint16_t packet_id = 0;
  std::uint8_t qos = 0;
  bool dup = false;
  bool retain = false;          // MQTT 5.0 section 3.3.1.3
  bool waits_for_room = false;  // of the envelope
};

}  // namespace fleetgate::contract
