// Whether a request that changes something comes from where it may. A page that some browser on
// this machine has open can send requests here, too; and a page whose name the attacker's DNS then
// points here (DNS rebinding) even says that it is from here. Pure, any thread. No limit of its
// own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/admin/http_message.hpp"

namespace fleetgate::admin {

/// Which Host a client that is no browser may name: a browser's must be known in any case.
enum class host_rule : std::uint8_t { any, known };

/// Why `r` may not change anything here, for a person; nothing where it may, or only looks. Known
/// are IP addresses, localhost and the name of this machine: of others nobody here knows who says
/// where they lead.
std::optional<std::string> refused_command(const request& r, host_rule hosts);

}  // namespace fleetgate::admin
