// The commands that need no running node. Each writes to the streams it is given and returns the
// status to exit with; main.cpp calls them.
#pragma once

#include <iosfwd>

#include "actors/node/command_line.hpp"
#include "actors/node/config_file.hpp"
#include "actors/node/exit_code.hpp"

namespace fleetgate::node {

exit_code check_config(const config_check_command& given, const environment& env, std::ostream& out,
                       std::ostream& err);
exit_code show_config(const config_show_command& given, const environment& env, std::ostream& out,
                      std::ostream& err);
exit_code init_config(const config_init_command& given, std::ostream& out, std::ostream& err);

/// One error a line, then how many there are and the next command.
void print_errors(const config_errors& errors, std::ostream& err);

}  // namespace fleetgate::node
