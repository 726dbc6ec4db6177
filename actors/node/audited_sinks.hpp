// What an audit knows of a node's sinks: their accounts as their databases have them, and why one
// is not compared. Belongs to one run of `fleetgate audit`. Blocks while it counts rows.
#pragma once

#include <string>
#include <vector>

#include "actors/accounts/sink_audit.hpp"
#include "actors/sink/sqlite_counts.hpp"
#include "actors/spool/inspection.hpp"

namespace fleetgate::node {

struct audited_sink {
  std::string name;
  std::string database;
  std::string unknown;  // why it is not compared; "": it is
  accounts::sink_statement said{};
  spool::reader_place place{};
  model::spool_uuid spool{};
};

/// Reads the databases of all sinks that the data directory knows of.
std::vector<audited_sink> read_sinks(const std::string& data_dir);

/// Those whose cursor is one of another spool are not compared.
void compare_only_readers_of(const contract::run_account& run, std::vector<audited_sink>& sinks);

/// Of the sinks that are compared, in their order.
std::vector<spool::reader_place> places_of(const std::vector<audited_sink>& sinks);

/// What was counted again behind those places.
void take(const spool::spool_recount& counted, std::vector<audited_sink>& sinks);

}  // namespace fleetgate::node
