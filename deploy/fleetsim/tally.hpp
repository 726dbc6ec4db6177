// What a run has counted so far. Each squad keeps one on its thread and publishes copies; the run
// adds them up for the live line and the summary.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "deploy/fleetsim/histogram.hpp"

namespace fleetgate::fleetsim {

using reason_counts = std::map<unsigned, std::uint64_t>;

struct tally {
  std::uint64_t produced = 0;  // messages that the devices have measured in this run
  std::uint64_t sent = 0;      // first sendings
  std::uint64_t resent = 0;
  std::uint64_t acknowledged = 0;  // the server took responsibility
  std::uint64_t refused = 0;       // answered with a reason of 0x80 and above
  std::uint64_t sent_back = 0;     // the server had no room and asked for them again
  std::uint64_t forgotten = 0;     // never acknowledged and lost with a device's memory at a reboot
  std::uint64_t sent_bytes = 0;    // handshakes included
  std::uint64_t received_bytes = 0;
  std::uint64_t unexpected = 0;         // events that answer nothing we sent
  std::uint64_t established = 0;        // sockets that reached the server
  std::uint64_t devices_connected = 0;  // devices that have been connected at least once
  std::uint64_t reconnects = 0;
  std::uint64_t failed_attempts = 0;
  std::uint64_t losses = 0;  // connections that ended against our will
  std::uint64_t flaps = 0;
  std::uint64_t reboots = 0;
  std::uint64_t timeouts = 0;  // connections given up because an acknowledgement did not come
  std::uint64_t sessions_lost = 0;
  std::uint64_t given_up = 0;  // devices that were turned away for good
  // As things stand:
  std::uint64_t up = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t owed = 0;  // measured and not sent, or to be sent anew
  reason_counts turned_away;
  reason_counts closings;
  reason_counts acknowledgement_reasons;
  histogram latency;               // scheduled send to acknowledgement
  histogram connack_latency;       // CONNECT written to its answer read
  std::uint64_t last_done_ns = 0;  // the last acknowledgement; at QoS 0 the last sending
  std::uint64_t last_connected_ns = 0;
  std::string first_failure;  // why the first attempt to reach the server failed

  tally& operator+=(const tally& other);
};

}  // namespace fleetgate::fleetsim
