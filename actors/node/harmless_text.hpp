// Text from outside on its way to a terminal. Pure.
#pragma once

#include <string>

namespace fleetgate::node {

/// What would steer a terminal becomes '?': control characters, and those of Unicode that are not
/// seen or turn the order of what is (general category Cf: U+200B to U+200F, U+202A to U+202E,
/// U+2060 to U+2069, U+FEFF).
std::string harmless(std::string text);

}  // namespace fleetgate::node
