// From TOML to a config, or to every error in it at once. parse_config is pure; load_config reads
// the file, FILE's conf.d/*.toml beside it and the environment. Called at start by main, and for
// each reload by a thread of its own. Limits: a file of more than 1 MiB is refused, and so are more
// than 1,000 files in conf.d.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "actors/node/config.hpp"

namespace fleetgate::node {

struct config_error {
  std::string file;        // or the environment variable or flag
  std::uint32_t line = 0;  // 0: the file as a whole
  std::uint32_t column = 0;
  std::string message;
  std::string suggestion;  // "" where there is none
};

/// "file:line:column: message; suggestion".
std::string to_string(const config_error& e);

using config_errors = std::vector<config_error>;
using config_result = tl::expected<config, config_errors>;

/// Environment variables by name.
using environment = std::map<std::string, std::string>;

/// What may be read. A pipe is good for one reading, and may keep its reader waiting.
enum class file_kind : std::uint8_t { any, regular };

/// What the command line says over everything else.
struct config_flags {
  std::optional<std::string> data_dir;
};

/// One file alone. `filename` appears in errors; relative paths are resolved against its directory.
config_result parse_config(std::string_view text, const std::string& filename);

/// Defaults < the file < conf.d/*.toml beside it, in order of names < environment < flags.
config_result load_config(const std::string& path, const environment& env,
                          const config_flags& flags = {}, file_kind kind = file_kind::any);

/// Defaults < environment, without any file.
config_result default_config(const environment& env);

/// The variables of this process.
environment process_environment();

}  // namespace fleetgate::node
