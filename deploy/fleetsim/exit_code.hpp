// How the process ends: the sysexits numbers that scripts act upon.
#pragma once

#include <cstdint>

namespace fleetgate::fleetsim {

enum class exit_code : std::uint8_t {
  ok = 0,            // everything was acknowledged; nothing is lost or duplicate
  not_as_asked = 1,  // something was not
  usage = 64,        // the command line cannot be understood
  no_input = 66,     // a log or database to read is not there, or is something else
  unreachable = 69,  // no connection to the server was ever made
  os_error = 71,     // the operating system refused: open files, threads
  io_error = 74,     // the log cannot be written
};

inline constexpr int to_int(exit_code code) noexcept {
  return static_cast<int>(code);
}

}  // namespace fleetgate::fleetsim
