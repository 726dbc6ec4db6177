// What became of an envelope; travels back once. Small and free of pointers.
#pragma once

#include <cstdint>

#include "protocol/base/fault.hpp"
#include "protocol/model/envelope.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::model {

enum class outcome : std::uint8_t {
  stored,       // at the level it asked for
  duplicate,    // known and settled: acknowledged like stored
  quarantined,  // kept apart; `fault` says why
  refused,      // not kept; `fault` says why; nothing was promised
  superseded,   // another connection of the same device waits for this message now
  taken_over,   // not for a message: another connection has opened this client id
  resumed,      // not for a message: how far stream number `packet_id` of those that a session_open
                // asked for is settled
};

struct receipt {
  connection_ref to;
  outcome result = outcome::stored;
  fault_code fault = fault_code::internal;  // only with quarantined and refused
  record_kind kind = record_kind::message;
  traffic_class cls = traffic_class::telemetry;
  std::uint8_t qos = 0;
  bool session_present = false;  // only where kind == session_open
  std::uint16_t packet_id = 0;
  std::uint32_t bytes = 0;               // the envelope's charged_bytes
  std::uint64_t received_steady_ns = 0;  // copied from the envelope
  /// With resumed: everything up to this sequence is settled. Of a session_open that is stored: in
  /// which order the journal took it, for receipts reach the shards in any.
  std::uint64_t number = 0;
};

}  // namespace fleetgate::model
