// What a run is asked to do. Made once from the command line, then constant.
#pragma once

#include <cstdint>
#include <string>

#include "deploy/fleetsim/ack_log_format.hpp"
#include "deploy/fleetsim/device.hpp"
#include "deploy/fleetsim/mqtt_transport.hpp"
#include "deploy/fleetsim/schedule.hpp"

namespace fleetgate::fleetsim {

enum class activity : std::uint8_t {
  send,   // measure and send
  storm,  // only connect, all at once, and measure that
  hold,   // connect and stay
};

enum class protocol : std::uint8_t { mqtt, native, http };

/// What befalls devices, as mean intervals of each one; 0: never.
struct mishaps {
  double flap_s = 0;         // it drops its connection ...
  double down_s = 1;         // ... and stays away for so long on average
  double reboot_s = 0;       // it loses its memory: new boot number, sequences from 1
  double ack_timeout_s = 0;  // (not a mean) it waits so long, then connects anew and sends again
};

struct run_plan {
  activity does = activity::send;
  schedule when;
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  fleet_identity fleet;
  protocol speaks = protocol::mqtt;
  connection_settings connection;
  mqtt_settings mqtt;
  std::uint16_t batch = 1;   // messages that go out together, where the protocol can
  std::uint16_t gather = 1;  // open loop: a device sends when it has measured so many
  habits devices_habits;
  mishaps befalls;
  std::uint32_t connections = 100;
  std::uint32_t first_device = 0;
  std::uint32_t threads = 1;
  std::uint32_t concurrency = 256;  // connections being opened at one time
  std::uint64_t messages = 0;       // over all devices; 0: no end but duration_s or a signal
  double duration_s = 0;            // 0: no end but `messages` or a signal
  double connect_timeout_s = 30;    // from connect() to CONNACK; also until the load begins anyway
  double drain_s = 30;              // how long to wait at the end for what is owed
  std::string ack_log;
  std::string resume_log;
  bool waits_for_input = false;
  bool json = false;
};

}  // namespace fleetgate::fleetsim
