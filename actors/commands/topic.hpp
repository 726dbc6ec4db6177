// The topic under which an MQTT client gets a command. Pure.
#pragma once

#include <string>
#include <string_view>

#include "actors/contract/command.hpp"

namespace fleetgate::commands {

/// `pattern` with {device}, {command} (its id) and {name} replaced.
std::string command_topic(std::string_view pattern, const contract::command& c);

}  // namespace fleetgate::commands
