// Where the configuration of a running node comes from, to read it again for a reload. Reads files:
// not on a thread that must not wait. Limit: most_errors of a refused one are told.
#pragma once

#include <optional>
#include <string>

#include "actors/node/config_file.hpp"
#include "actors/node/reload_desk.hpp"

namespace fleetgate::node {

/// What `fleetgate run` was given.
struct config_source {
  static constexpr std::size_t most_errors = 100;

  std::string file;
  environment variables;
  config_flags flags;

  [[nodiscard]] config_result read_first() const { return load_config(file, variables, flags); }
  /// As at the start, with all of its checks; but from regular files alone.
  [[nodiscard]] config_reading read_again() const;
};

/// What `fleetgate dev` answers, which has none.
contract::reload_refusal no_configuration();
/// Where the system has no thread to read with.
contract::reload_refusal no_thread(const std::string& why);

}  // namespace fleetgate::node
