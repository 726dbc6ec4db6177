// Makes a JSON Schema safe to compile and to run: every keyword is one that is checked or one that
// only annotates, its cost has a bound, every $ref is local, and with all of them followed it stays
// within schema::max_depth and schema::max_expanded. Configuration time only.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "protocol/base/result.hpp"

namespace fleetgate::parse {

/// Takes annotations that the compiler would act upon (`format`, `id`) out of `root`.
/// Faults: config_invalid, with the place and why.
result<void> make_safe(nlohmann::json& root);

}  // namespace fleetgate::parse
