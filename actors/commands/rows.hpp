// The rows of the commands stage in the state store (docs/wire/state.md). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/contract/command.hpp"
#include "protocol/base/bytes.hpp"

namespace fleetgate::commands {

inline constexpr std::string_view commands_table = "commands";

/// Its device and number: the rows of a device stand in the order of their creation.
std::string command_key(const contract::command& c);
std::string encode_command(const contract::command& c);
/// Nothing where the bytes contradict themselves.
std::optional<contract::command> decode_command(byte_view row);

}  // namespace fleetgate::commands
