#include "actors/node/drain_report.hpp"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

namespace fleetgate::node {
namespace {

std::string_view status_of(const drain_report& r) {
  if (!r.spool_synced) return "persistence failed: what was not acknowledged may be lost";
  if (r.code == exit_code::ok) return "drained";
  return "timeout: everything acknowledged is safe in the spool and is delivered after a restart";
}

}  // namespace

std::string to_json(const drain_report& report) {
  const nlohmann::ordered_json j{{"exit_code", to_int(report.code)},
                                 {"status", status_of(report)},
                                 {"took_ms", report.took.count()},
                                 {"connections_closed", report.connections_closed},
                                 {"connections_gone", report.connections_gone},
                                 {"spool_synced", report.spool_synced},
                                 {"sinks_behind", report.sinks_behind}};
  return j.dump();
}

void write_drain_report(const drain_report& report, const std::string& data_dir,
                        observe::logger& log) {
  const std::string path = data_dir + "/shutdown.json", fresh = path + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << to_json(report) << "\n";
  out.close();
  if (!out || std::rename(fresh.c_str(), path.c_str()) != 0) {
    log.error("drain.report_not_written", {{"path", path}});
  }
  log.info("drain.finished", {{"exit_code", to_int(report.code)},
                              {"status", status_of(report)},
                              {"took_ms", report.took.count()},
                              {"connections_closed", report.connections_closed},
                              {"sinks_behind", report.sinks_behind.size()}});
}

observe::log_options log_options_of(const log_config& c) {
  observe::log_options o;
  switch (c.level) {
    case log_level::trace:
    case log_level::debug:
      o.least = observe::log_level::debug;
      break;
    case log_level::info:
      o.least = observe::log_level::info;
      break;
    case log_level::warn:
      o.least = observe::log_level::warn;
      break;
    case log_level::error:
      o.least = observe::log_level::error;
      break;
  }
  switch (c.format) {
    case log_format::automatic:
      o.format = observe::log_format::automatic;
      break;
    case log_format::logfmt:
      o.format = observe::log_format::logfmt;
      break;
    case log_format::json:
      o.format = observe::log_format::json;
      break;
  }
  return o;
}

}  // namespace fleetgate::node
