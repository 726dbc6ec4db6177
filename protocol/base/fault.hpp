// The fault catalogue: every way in which something can go wrong, once.
// Feeds the enum, the text, the MQTT 5 reason code, the HTTP status, the metric label and the
// consequence. Pure; no limit of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace fleetgate {

/// What kind of error it is, which decides what happens next (docs/ARCHITECTURE.md, Faults).
enum class fault_class : std::uint8_t {
  protocol,   // the peer broke the protocol: close the connection with its reason
  auth,       // not allowed: refuse, never retry
  overload,   // we are full: withhold, pace, then refuse
  transient,  // may pass by itself: retry with jitter
  permanent,  // will never pass: fail fast, count, quarantine
};

// X(name, class, MQTT 5 reason code, HTTP status, text)
// The number of a fault is stored with quarantined messages: new ones come last.
// Reason codes: MQTT 5.0 section 2.4. The text says what is wrong, without the particulars.
#define FLEETGATE_FAULTS(X)                                                                        \
  X(malformed_packet, protocol, 0x81, 400, "malformed packet")                                     \
  X(protocol_error, protocol, 0x82, 400, "protocol error")                                         \
  X(unsupported_protocol_version, protocol, 0x84, 400, "unsupported protocol version")             \
  X(client_identifier_not_valid, protocol, 0x85, 400, "client identifier not valid")               \
  X(bad_user_name_or_password, auth, 0x86, 401, "bad user name or password")                       \
  X(not_authorized, auth, 0x87, 403, "not authorized")                                             \
  X(server_busy, overload, 0x89, 503, "server busy")                                               \
  X(server_shutting_down, transient, 0x8B, 503, "server shutting down")                            \
  X(bad_authentication_method, auth, 0x8C, 401, "bad authentication method")                       \
  X(keep_alive_timeout, protocol, 0x8D, 408, "keep alive timeout")                                 \
  X(session_taken_over, protocol, 0x8E, 409, "session taken over")                                 \
  X(topic_filter_invalid, protocol, 0x8F, 400, "topic filter invalid")                             \
  X(topic_name_invalid, protocol, 0x90, 400, "topic name invalid")                                 \
  X(packet_identifier_in_use, protocol, 0x91, 409, "packet identifier in use")                     \
  X(packet_identifier_not_found, protocol, 0x92, 404, "packet identifier not found")               \
  X(receive_maximum_exceeded, protocol, 0x93, 429, "receive maximum exceeded")                     \
  X(topic_alias_invalid, protocol, 0x94, 400, "topic alias invalid")                               \
  X(packet_too_large, protocol, 0x95, 413, "packet too large")                                     \
  X(quota_exceeded, overload, 0x97, 429, "quota exceeded")                                         \
  X(payload_format_invalid, permanent, 0x99, 422, "payload format invalid")                        \
  X(schema_violation, permanent, 0x99, 422, "payload does not match the topic's schema")           \
  X(sequence_invalid, permanent, 0x99, 422, "sequence or epoch is not a whole number in range")    \
  X(retain_not_supported, protocol, 0x9A, 400, "retain not supported")                             \
  X(qos_not_supported, protocol, 0x9B, 400, "QoS not supported")                                   \
  X(shared_subscriptions_not_supported, protocol, 0x9E, 400, "shared subscriptions not supported") \
  X(wildcard_subscriptions_not_supported, protocol, 0xA2, 400,                                     \
    "wildcard subscriptions not supported")                                                        \
  X(connect_timeout, protocol, 0xA0, 408, "no CONNECT or hello in time")                           \
  X(peer_closed, transient, 0x00, 499, "the peer closed the connection")                           \
  X(mailbox_full, overload, 0x97, 503, "a bounded mailbox is full")                                \
  X(memory_budget_full, overload, 0x97, 503, "the memory budget is used up")                       \
  X(spool_budget_full, overload, 0x97, 503, "the spool's byte budget is used up")                  \
  X(storage_full, transient, 0x97, 507, "no space left on the device")                             \
  X(storage_io, transient, 0x83, 500, "the disk reported an input/output error")                   \
  X(storage_damaged, permanent, 0x83, 500, "stored bytes do not match their checksum")             \
  X(foreign_spool, permanent, 0x83, 500, "a position belongs to another spool")                    \
  X(position_beyond_end, permanent, 0x83, 500, "a position lies beyond the end of the spool")      \
  X(sink_unavailable, transient, 0x83, 503, "the sink does not answer")                            \
  X(sink_rejected, permanent, 0x83, 502, "the sink refuses the row")                               \
  X(sink_lost, transient, 0x83, 503, "the sink was lost or replaced")                              \
  X(not_found, permanent, 0x83, 404, "not found")                                                  \
  X(config_invalid, permanent, 0x83, 400, "the configuration is not valid")                        \
  X(resource_unavailable, permanent, 0x83, 500, "the operating system refused a resource")         \
  X(internal, permanent, 0x80, 500, "internal error (please report it)")                           \
  X(administrative_action, transient, 0x98, 409, "closed by an operator")                          \
  X(request_malformed, protocol, 0x00, 400, "the request cannot be understood")                    \
  X(request_too_large, protocol, 0x00, 413, "the request is too large")                            \
  X(method_not_allowed, protocol, 0x00, 405, "method not allowed")                                 \
  X(would_duplicate, permanent, 0x00, 409, "rows would be stored twice")                           \
  X(no_answer, transient, 0x00, 504, "no answer in time")                                          \
  X(key_reused, permanent, 0x00, 422, "the idempotency key stands for something else")             \
  X(text_too_long, permanent, 0x99, 422, "a text, or all properties, longer than 65,535 bytes")    \
  X(storage_busy, transient, 0x83, 503, "another program has the file locked")                     \
  X(no_thread, overload, 0x97, 503, "the operating system refused a thread")

enum class fault_code : std::uint8_t {
#define FLEETGATE_X(name, cls, mqtt, http, text) name,
  FLEETGATE_FAULTS(FLEETGATE_X)
#undef FLEETGATE_X
};

/// How many faults the catalogue knows; fault_code values are 0 to this minus 1.
inline constexpr std::size_t fault_count = 0
#define FLEETGATE_X(name, cls, mqtt, http, text) +1
    FLEETGATE_FAULTS(FLEETGATE_X)
#undef FLEETGATE_X
    ;

struct fault_entry {
  std::string_view name;  // metric label, stable
  fault_class cls;
  std::uint8_t mqtt_reason;  // MQTT 5.0 section 2.4; 0x00 where no packet can be sent
  std::uint16_t http_status;
  std::string_view text;
};

/// The catalogue's entry for `code`. A value read from outside must be < fault_count.
const fault_entry& describe(fault_code code) noexcept;

std::string_view to_string(fault_class cls) noexcept;

/// One occurrence: the code, and the particulars for a person (never a payload, never a secret).
struct fault {
  fault_code code;
  std::string detail;

  explicit fault(fault_code c, std::string d = {}) : code(c), detail(std::move(d)) {}
};

/// "text: detail".
std::string to_string(const fault& f);

}  // namespace fleetgate
