// Where a node has its files, for verbs that read them without it. Any thread. No limit of its own.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "actors/node/verb.hpp"

namespace fleetgate::node {

struct node_files {
  std::string data_dir;
  std::vector<std::string> databases;  // of SQLite sinks
};

/// By --data-dir, else --config, else the configuration that `run` reads, else the defaults. A data
/// directory alone does not name its sinks: then the *.db in it are taken, but for the node's own.
/// --sink-db, where the verb has it, comes before both. Else the status to exit with.
tl::expected<node_files, exit_code> find_node_files(const verb_call& call, std::ostream& err);

}  // namespace fleetgate::node
