// Text from outside on its way to a terminal. Pure.
#pragma once

#include <string>
#include <string_view>

namespace fleetgate::node {

/// What would steer a terminal becomes '?': control characters (also U+0080 to U+009F), and those
/// of Unicode that are not seen, end a line, or turn the order of what is (U+061C, U+200B to
/// U+200F, U+2028 to U+202E, U+2060 to U+2069, U+FEFF).
std::string harmless(std::string_view text);

}  // namespace fleetgate::node
