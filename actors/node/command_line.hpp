// The command line as a value. parse_command_line is pure: it prints nothing and ends nothing;
// cli.hpp runs the commands that need no node, main.cpp runs the others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <tl/expected.hpp>

#include "actors/node/dev_config.hpp"
#include "actors/node/verb.hpp"

namespace fleetgate::node {

/// What `run` reads where it is given no other.
inline constexpr const char* default_config_file = "/etc/fleetgate/fleetgate.toml";

enum class text_format : std::uint8_t { toml, json };

struct run_command {
  std::string config_file;
  std::optional<std::string> data_dir;
};

struct dev_command {
  dev_options options;
};

struct config_check_command {
  std::string file;
};

struct config_show_command {
  std::optional<std::string> file;  // nothing: the built-in defaults
  text_format format = text_format::toml;
};

struct config_init_command {
  std::optional<std::string> output;  // nothing: standard output
};

/// A verb of verbs.hpp; it is run with `call`.
struct verb_command {
  const verb* what = nullptr;
  verb_call call;
};

/// --help, --version and completion: print `text`, exit 0.
struct print_command {
  std::string text;
};

using command = std::variant<run_command, dev_command, config_check_command, config_show_command,
                             config_init_command, verb_command, print_command>;

/// Exit 64. `text` says what is wrong, why, and the next command; it ends with a line break.
struct usage_error {
  std::string text;
};

tl::expected<command, usage_error> parse_command_line(int argc, const char* const* argv);

}  // namespace fleetgate::node
