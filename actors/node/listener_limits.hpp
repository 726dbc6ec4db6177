// What a [[listener]] grants to those who connect, as the sessions of its protocol take it. Pure.
#pragma once

#include <string_view>

#include "actors/node/config.hpp"
#include "protocol/mqtt/session.hpp"
#include "protocol/native/session.hpp"

namespace fleetgate::node {

mqtt::session_limits mqtt_limits(const listener_config& l);

/// `node`: its name, told in welcome. The credit in bytes of a class holds at least one message of
/// the largest size.
native::session_limits native_limits(const listener_config& l, std::string_view node);

}  // namespace fleetgate::node
