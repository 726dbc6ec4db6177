// <data_dir>/sinks: which sinks the node that ran last had, and where their databases are, so that
// an audit finds them without a configuration. Written at a start, replaced as a whole. Any thread.
// Limit: 1 MiB is read.
#pragma once

#include <string>
#include <vector>

#include "actors/node/config.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::node {

struct listed_sink {
  std::string name;
  std::string database;  // absolute
};

/// Faults: storage_io.
result<void> write_sink_list(const std::string& data_dir, const std::vector<sink_config>& sinks);

/// Faults: not_found, storage_io, storage_damaged (it is no such list).
result<std::vector<listed_sink>> read_sink_list(const std::string& data_dir);

}  // namespace fleetgate::node
