#include <filesystem>
#include <ostream>

#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"
#include "actors/spool/inspection.hpp"
#include "actors/spool/posix_file_layer.hpp"

namespace fleetgate::node {
namespace {

exit_code list_spool(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_node(call, "GET", "/api/v1/spool", err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  print_members(*got,
                {{"used", "used_bytes"},
                 {"budget", "budget_bytes"},
                 {"incarnation", "incarnation"},
                 {"last lsn", "last_lsn"},
                 {"durable lsn", "durable_lsn"},
                 {"trouble", "trouble.detail"}},
                out);
  out << "\n";
  print_table((*got)["lanes"],
              {{"LANE", "lane"},
               {"RECORDS", "records"},
               {"SEGMENTS", "segments"},
               {"SIZE", "bytes"},
               {"LIMIT", "limit_bytes"},
               {"SHED", "shed_records"},
               {"FROM", "first_position"},
               {"OLDEST", "oldest_at"}},
              out);
  out << "\n";
  print_table((*got)["readers"],
              {{"READER", "name"},
               {"REQUIRED", "required"},
               {"SHED", "shed_records"},
               {"TELEMETRY AT", "positions.telemetry"},
               {"EVENT AT", "positions.event"}},
              out);
  return exit_code::ok;
}

json position_or_null(const std::optional<model::position>& p) {
  return p ? json(to_string(*p)) : json();
}

json json_of(const spool::inspection& found) {
  json lanes = json::array();
  for (const auto& l : found.lanes) {
    lanes.push_back({{"lane", to_string(l.in)},
                     {"segments", l.segments},
                     {"file_bytes", l.bytes},
                     {"records", l.records},
                     {"damaged_records", l.damaged_records},
                     {"foreign_segments", l.foreign_segments},
                     {"first_position", position_or_null(l.first)},
                     {"last_position", position_or_null(l.last)}});
  }
  return {{"uuid", to_string(found.uuid)},
          {"incarnation", found.incarnation},
          {"damaged", found.damaged()},
          {"lanes", std::move(lanes)}};
}

/// A data directory has the spool in `spool`.
std::string spool_in(std::string_view given) {
  const std::filesystem::path directory(given);
  std::error_code ignored;  // whatever it is, the reading that follows says so
  const bool is_data = std::filesystem::is_directory(directory / "spool", ignored);
  return (is_data ? directory / "spool" : directory).string();
}

exit_code inspect(const verb_call& call, std::ostream& out, std::ostream& err) {
  spool::posix_file_layer files;
  const auto found = spool::inspect(files, spool_in(call.get("directory")));
  if (!found) {
    complain(call, to_string(found.error()),
             "Name [node] data_dir, and see that you may read it (ls -l).", err);
    return found.error().code == fault_code::not_found ? exit_code::not_found : exit_code::io_error;
  }
  const json shown = json_of(*found);
  if (call.format == output_format::json) {
    print_json(shown, out);
  } else {
    print_members(shown, {{"uuid", "uuid"}, {"incarnation", "incarnation"}, {"damaged", "damaged"}},
                  out);
    out << "\n";
    print_table(shown["lanes"],
                {{"LANE", "lane"},
                 {"RECORDS", "records"},
                 {"DAMAGED", "damaged_records"},
                 {"SEGMENTS", "segments"},
                 {"FOREIGN", "foreign_segments"},
                 {"SIZE", "file_bytes"},
                 {"FIRST", "first_position"},
                 {"LAST", "last_position"}},
                out);
  }
  if (!found->damaged()) return exit_code::ok;
  complain(call, "records that were durable cannot be read, or segments of another spool lie there",
           "A node starts on it all the same, skips and counts them. Check the disk (dmesg), and "
           "copy the directory before anything else.",
           err);
  return exit_code::damaged;
}

}  // namespace

verb_group spool_verbs() {
  return {"spool",
          "See what waits on disk, and verify it",
          R"(Examples:
  fleetgate spool ls                               lanes, readers and positions of a running node
  fleetgate spool inspect /var/lib/fleetgate       verify every checksum; reads only
  fleetgate spool inspect fleetgate-data -o json

inspect needs no node, and may run beside one. It exits with 65 where something is damaged.
)",
          {{"ls", "Show lanes, budgets, readers and positions", {}, true, list_spool},
           {"inspect",
            "Read a spool's files and verify every checksum",
            {{"directory", "DIR", "A data_dir, or the spool in it", true, ""}},
            false,
            inspect}}};
}

}  // namespace fleetgate::node
