// The command line as a value. parse_command_line is pure but for reading a password file and the
// choice of a seed: it prints nothing and ends nothing.
#pragma once

#include <string>
#include <variant>

#include <tl/expected.hpp>

#include "deploy/fleetsim/plan.hpp"
#include "deploy/fleetsim/verify.hpp"

namespace fleetgate::fleetsim {

/// --help and --version: print `text`, exit 0.
struct print_command {
  std::string text;
};

using command = std::variant<run_plan, verify_plan, print_command>;

/// Exit 64. `text` says what is wrong, why, and the next command; it ends with a line break.
struct usage_error {
  std::string text;
};

tl::expected<command, usage_error> parse_command_line(int argc, const char* const* argv);

}  // namespace fleetgate::fleetsim
