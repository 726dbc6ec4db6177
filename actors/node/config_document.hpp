// A configuration as it was written, before anyone asks whether it makes sense: tables of keys and
// values, each with its place. What TOML, the environment and flags have in common.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node/config_file.hpp"
#include "actors/node/config_value.hpp"

namespace fleetgate::node {

struct raw_entry {
  std::string key;
  config_origin key_at;
  raw_value value;
  config_origin value_at;
};

struct raw_table {
  std::string name;   // "" for keys outside any table
  bool list = false;  // [[name]]
  config_origin at;
  std::vector<raw_entry> entries;
};

enum class document_kind : std::uint8_t { file, variable, flag };

struct raw_document {
  document_kind kind = document_kind::file;
  std::string name;      // of the file
  std::string base_dir;  // what relative paths are relative to; "": the working directory
  std::vector<raw_table> tables;
};

/// Only the syntax can be wrong, and TOML's grammar lets nothing behind an error be trusted: at
/// most one error comes back.
tl::expected<raw_document, config_error> read_toml(std::string_view text,
                                                   const std::string& filename);

/// FLEETGATE_MEMORY__BUDGET=1GiB as [memory] budget. Variables without `__` are not ours.
raw_document read_environment(const environment& env);

/// "FLEETGATE_MEMORY__BUDGET".
std::string environment_name(std::string_view table, std::string_view key);

/// --data-dir as [node] data_dir.
raw_document read_flags(const config_flags& flags);

}  // namespace fleetgate::node
