// How the process ends: the sysexits numbers that service managers and scripts act upon.
#pragma once

#include <cstdint>

namespace fleetgate::node {

enum class exit_code : std::uint8_t {
  ok = 0,                     // drained, or the command did what it was asked
  usage = 64,                 // the command line cannot be understood, or asks what is refused
  damaged = 65,               // stored bytes do not match their checksums
  not_found = 66,             // what the command names is not there
  upstream_unavailable = 69,  // no node answers, or a part of it does not in time
  internal_error = 70,        // a bug
  os_error = 71,              // the operating system refused: bind, open files
  cannot_create = 73,         // the data directory, the spool or an output file
  io_error = 74,              // persistence failed
  drain_timeout = 75,         // stopped with work left; everything acknowledged is in the spool
  no_permission = 77,         // the file system denies access
  config_error = 78,          // the configuration is not valid
};

inline constexpr int to_int(exit_code code) noexcept {
  return static_cast<int>(code);
}

}  // namespace fleetgate::node
