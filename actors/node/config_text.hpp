// A configuration as text: what `config show` prints, and the file that `config init` writes. Pure.
// What is shown can be loaded again and means the same.
#pragma once

#include <string>

#include "actors/node/config.hpp"

namespace fleetgate::node {

/// Every key that has a value.
std::string to_toml(const config& c);
std::string to_json(const config& c);

/// A commented file with every key the loader knows: those that a first node needs are set, the
/// others stand in comments with their defaults.
std::string init_text();

}  // namespace fleetgate::node
