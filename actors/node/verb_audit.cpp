#include <algorithm>
#include <chrono>
#include <ostream>
#include <string>
#include <thread>

#include "actors/accounts/audit.hpp"
#include "actors/accounts/history.hpp"
#include "actors/node/audited_sinks.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"
#include "actors/spool/inspection.hpp"
#include "actors/spool/posix_file_layer.hpp"

namespace fleetgate::node {
namespace {

/// A running node is looked at again where it moved: for an instant in which nothing waits between
/// two stages, and where a segment was removed or the node started again under the count.
constexpr int looks_for_quiet = 40;
constexpr std::chrono::milliseconds look_interval{25};
constexpr int counts = 3;

struct audited {
  accounts::statement said;
  std::vector<accounts::equation> equations;
  std::vector<audited_sink> sinks;
};

result<accounts::statement> statement_of(const std::string& data_dir) {
  spool::posix_file_layer files;
  return accounts::read_statement(files, data_dir);
}

/// The first one in which nothing waits, else the last that was looked at.
result<accounts::statement> quiet_statement(const std::string& data_dir) {
  auto said = statement_of(data_dir);
  for (int left = looks_for_quiet;
       left != 0 && said && said->run.drained == 0 && accounts::in_flight_of(*said).all() != 0;
       --left) {
    std::this_thread::sleep_for(look_interval);
    said = statement_of(data_dir);
  }
  return said;
}

/// The sinks first: what has come to them by then is in the page, and in the files or gone from
/// them.
result<audited> count_once(const std::string& data_dir) {
  auto sinks = read_sinks(data_dir);
  auto said = quiet_statement(data_dir);
  if (!said) return tl::unexpected(said.error());
  compare_only_readers_of(said->run, sinks);
  spool::posix_file_layer layer;
  const auto counted =
      spool::recount(layer, data_dir + "/spool", said->journal.durable, places_of(sinks));
  if (!counted) return tl::unexpected(counted.error());
  const auto later = statement_of(data_dir);
  if (!later) return tl::unexpected(later.error());
  accounts::spool_files lanes;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const spool::lane_recount& l = (*counted)[i];
    lanes[i] = {l.gone, l.intact, l.damaged, l.last};
  }
  take(*counted, sinks);
  audited done{std::move(*said), {}, std::move(sinks)};
  done.equations = accounts::audit(done.said, lanes, later->journal.last);
  for (const audited_sink& s : done.sinks) {
    if (!s.unknown.empty()) continue;
    for (auto& e : accounts::audit_sink(done.said, s.said)) done.equations.push_back(std::move(e));
  }
  return done;
}

result<audited> count(const std::string& data_dir) {
  auto done = count_once(data_dir);
  for (int left = counts - 1;
       left != 0 && done && !accounts::balanced(done->equations) && done->said.run.drained == 0;
       --left) {
    done = count_once(data_dir);
  }
  return done;
}

std::string text_of(const std::vector<accounts::term>& terms) {
  std::string text;
  for (const auto& t : terms) {
    if (!text.empty()) text += " + ";
    text += t.name + " " + std::to_string(t.value);
  }
  return text.empty() ? "0" : text;
}

json json_of(const std::vector<accounts::term>& terms) {
  json values = json::object();
  for (const auto& t : terms) values[t.name] = t.value;
  return values;
}

json json_of(const audited& a) {
  json equations = json::array();
  for (const auto& e : a.equations) {
    equations.push_back({{"name", e.name},
                         {"left", json_of(e.left)},
                         {"right", json_of(e.right)},
                         {"difference", e.difference()},
                         {"balanced", e.balanced()}});
  }
  json sinks = json::array();
  for (const audited_sink& s : a.sinks) {
    sinks.push_back({{"name", s.name},
                     {"database", s.database},
                     {"compared", s.unknown.empty()},
                     {"why_not", s.unknown.empty() ? json(nullptr) : json(s.unknown)}});
  }
  return {{"balanced", accounts::balanced(a.equations)},
          {"drained", a.said.run.drained != 0},
          {"earlier_runs", a.said.run.runs},
          {"interrupted", a.said.run.interrupted},
          {"in_flight", accounts::in_flight_of(a.said).all()},
          {"sinks", std::move(sinks)},
          {"equations", std::move(equations)}};
}

bool says_something(const accounts::equation& e) {
  const auto is_zero = [](const accounts::term& t) { return t.value == 0; };
  return !std::all_of(e.left.begin(), e.left.end(), is_zero) ||
         !std::all_of(e.right.begin(), e.right.end(), is_zero);
}

void print(const audited& a, std::ostream& out) {
  const json all = json_of(a);
  print_members(all,
                {{"balanced", "balanced"},
                 {"drained", "drained"},
                 {"earlier runs", "earlier_runs"},
                 {"interrupted", "interrupted"},
                 {"in flight", "in_flight"}},
                out);
  out << "\n";
  print_table(all["sinks"],
              {{"SINK", "name"},
               {"DATABASE", "database"},
               {"COMPARED", "compared"},
               {"WHY NOT", "why_not"}},
              out);
  json lines = json::array();
  for (const auto& e : a.equations) {
    if (!says_something(e)) continue;
    const std::string verdict =
        e.balanced() ? "balanced" : "differs by " + std::to_string(e.difference());
    lines.push_back({{"name", e.name},
                     {"verdict", verdict},
                     {"equation", text_of(e.left) + " = " + text_of(e.right)}});
  }
  out << "\n";
  print_table(lines, {{"WHERE", "name"}, {"VERDICT", "verdict"}, {"EQUATION", "equation"}}, out);
}

exit_code refuse(const verb_call& call, const fault& why, std::ostream& err) {
  complain(call, to_string(why),
           why.code == fault_code::storage_damaged
               ? "Stop the node, move the file `accounts` away and start it: accounts begin anew."
               : "Name [node] data_dir; see that you may read it (ls -l), and that its disk can.",
           err);
  if (why.code == fault_code::not_found) return exit_code::not_found;
  return why.code == fault_code::storage_damaged ? exit_code::damaged : exit_code::io_error;
}

exit_code run_audit(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto done = count(std::string(call.get("directory")));
  if (!done) return refuse(call, done.error(), err);
  if (call.format == output_format::json)
    print_json(json_of(*done), out);
  else
    print(*done, out);
  if (accounts::balanced(done->equations)) return exit_code::ok;
  std::string differing;
  for (const auto& e : done->equations) {
    if (e.balanced()) continue;
    if (!differing.empty()) differing += "; ";
    differing += e.name + " by " + std::to_string(e.difference());
  }
  complain(call, "the accounts do not balance: " + differing,
           "Copy the data directory and the sinks' databases, and report it: either messages are "
           "missing, or a count is "
           "wrong. docs/wire/accounts.md says what each equation means.",
           err);
  return exit_code::damaged;
}

}  // namespace

verb_group audit_verb() {
  return {"audit",
          "Count again what became of every message, and compare",
          R"(Examples:
  fleetgate audit /var/lib/fleetgate               every equation, and whether it holds
  fleetgate audit fleetgate-data -o json | jq .balanced

Reads what the stages counted (the file `accounts`), every record of the spool, and of each sink's
database the counts beside its cursor and the number of its rows; changes nothing. Needs no node, and may
run beside one. Exits with 65 where an equation does not hold; a sink whose database is not there or cannot
be read is named and not compared.
)",
          {{"", "", {{"directory", "DIR", "A data_dir", true, ""}}, false, run_audit}}};
}

}  // namespace fleetgate::node
