// One message on its way to disk, or one mark that must lie in the same order as the messages.
// Views point into the arena of the batch that carries it (actors/contract/envelope_batch.hpp) or,
// when read back, into the reader's block. An envelope only goes forward, and gets one receipt.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/base/bytes.hpp"
#include "protocol/base/fault.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::model {

/// What the record is. Marks take the same road as messages, so that their order is right by
/// construction; sinks skip them.
enum class record_kind : std::uint8_t {
  message,        // a device's message
  quarantined,    // a message that can never pass; kept apart, with its fault
  release,        // PUBREL: `packet_id` of `client_id` may be used again
  session_open,   // CONNECT: `client_id` is now served by `connection`
  session_close,  // the session's state ends (clean disconnect, expiry)
};

enum class epoch_origin : std::uint8_t { none, device, inferred };

/// Whether it is a message, kept apart or not, and no mark.
constexpr bool is_message(record_kind k) noexcept {
  return k == record_kind::message || k == record_kind::quarantined;
}

/// How a session_open treats what is kept for the client id.
struct session_request {
  bool clean_start = true;              // MQTT 5.0 section 3.1.2.4
  std::uint32_t expiry_interval_s = 0;  // MQTT 5.0 section 3.1.2.11.2; 0xFFFFFFFF never
  /// Streams of device `client_id` and the envelope's epoch whose settled sequence is asked for,
  /// U+0000 behind them; not stored. docs/wire/native.md, hello.
  std::string_view resume;
  /// The node is pressed: refuse it where neither a session nor a window is known. Not stored.
  bool only_if_known = false;
};

struct envelope {
  record_kind kind = record_kind::message;
  traffic_class cls = traffic_class::telemetry;
  ack_level level = ack_level::none;

  // Identity: key = (device, stream, epoch, sequence); see docs/ARCHITECTURE.md, Identity.
  std::string_view tenant;
  std::string_view device;
  std::string_view stream;
  epoch_origin epoch_from = epoch_origin::none;
  std::uint64_t epoch = 0;                // below 2^63
  std::optional<std::uint64_t> sequence;  // below 2^63; nothing: the gateway numbers
  trace_id trace;

  std::string_view topic;
  std::string_view content_type;  // "application/json", ...; "" where not known
  std::string_view attributes;    // a JSON object, or "" for none
  byte_view payload;
  std::uint64_t payload_hash = 0;     // XXH3-64 of payload
  std::int64_t device_time_ns = 0;    // Unix time; 0 where not given
  std::int64_t received_time_ns = 0;  // Unix time

  // Origin: who sent it, and where its receipt goes.
  std::string_view client_id;  // MQTT session
  connection_ref connection;
  std::uint64_t received_steady_ns = 0;  // monotonic, for latency; not stored
  std::uint32_t charged_bytes = 0;       // to its connection; comes back in the receipt
  std::uint16_t packet_id = 0;           // 0 at QoS 0
  std::uint8_t qos = 0;
  bool dup = false;     // MQTT DUP flag
  bool retain = false;  // MQTT RETAIN flag
  /// Its sender cannot be told to come again: where the spool has no room for it, it waits, and its
  /// acknowledgement with it. Not stored.
  bool waits_for_room = false;
  std::string_view properties;  // MQTT 5 properties for subscribers, as on the wire; "" for none

  fault_code fault = fault_code::internal;  // only where kind == quarantined
  session_request session;                  // only where kind == session_open
  std::uint32_t rule_version = 0;           // of the topic rules that classified it
};

/// No text that is stored is longer (docs/wire/spool.md, Record).
inline constexpr std::size_t max_text_bytes = 65535;
inline constexpr std::size_t stored_text_count = 8;

/// The texts that are stored, in the order of a record; const where the envelope is.
template <class Envelope>
constexpr auto stored_texts(Envelope& e) noexcept {
  std::array texts{&e.tenant,       &e.device,    &e.stream,     &e.topic,
                   &e.content_type, &e.client_id, &e.attributes, &e.properties};
  static_assert(texts.size() == stored_text_count);
  return texts;
}

}  // namespace fleetgate::model
