#include "deploy/fleetsim/verify.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "deploy/fleetsim/ack_log_reader.hpp"
#include "deploy/fleetsim/message_table.hpp"
#include "deploy/fleetsim/progress.hpp"

namespace fleetgate::fleetsim {
namespace {

using json = nlohmann::ordered_json;

json to_object(const class_findings& f) {
  return {
      {"rows", f.rows}, {"lost", f.lost}, {"duplicate", f.duplicate}, {"reordered", f.reordered}};
}

std::string sequences_text(const range_set::range& r) {
  if (r.first == r.last) return std::to_string(r.first);
  return std::to_string(r.first) + "-" + std::to_string(r.last);
}

std::string line(const std::string& cls, int width, const class_findings& f) {
  char counts[128];
  std::snprintf(counts, sizeof counts, " %14s %12s %12s %12s\n", grouped(f.rows).c_str(),
                grouped(f.lost).c_str(), grouped(f.duplicate).c_str(),
                grouped(f.reordered).c_str());
  std::string out = cls;
  out.resize(std::max(out.size(), static_cast<std::size_t>(width)), ' ');
  return out + counts;
}

exit_code explain(const fault& why) {
  std::fprintf(stderr, "fleetsim verify: %s\n", why.detail.c_str());
  return exit_code::no_input;
}

}  // namespace

std::string to_table(const findings& f) {
  int width = 10;
  for (const auto& [name, found] : f.by_class)
    width = std::max(width, static_cast<int>(name.size()));
  std::string out = "class";
  out.resize(static_cast<std::size_t>(width), ' ');
  out += "           rows         lost    duplicate    reordered\n";
  for (const auto& [name, found] : f.by_class) out += line(name, width, found);
  out += line("total", width, f.total());
  out += grouped(f.acknowledged) + " acknowledged, " + grouped(f.refused) + " refused, " +
         grouped(f.unlogged) + " stored whose acknowledgement did not arrive, " +
         grouped(f.foreign) + " rows of others\n";
  if (f.unnumbered > 0) {
    out +=
        grouped(f.unnumbered) +
        " rows of these devices bear no sequence or epoch and were not compared: send MQTT 5 user\n"
        "properties, or name $.seq and $.boot in the topic's rule\n";
  }
  for (const lost_stretch& l : f.examples) {
    out += "lost: " + l.device + " boot " + std::to_string(l.boot) + " sequence " +
           sequences_text(l.sequences) + "\n";
  }
  return out;
}

std::string to_json(const findings& f) {
  json classes = json::object();
  for (const auto& [name, found] : f.by_class) classes[name] = to_object(found);
  json examples = json::array();
  for (const lost_stretch& l : f.examples) {
    examples.push_back({{"device", l.device},
                        {"boot", l.boot},
                        {"first", l.sequences.first},
                        {"last", l.sequences.last}});
  }
  json j = to_object(f.total());
  j["acknowledged"] = f.acknowledged;
  j["refused"] = f.refused;
  j["unlogged"] = f.unlogged;
  j["unnumbered"] = f.unnumbered;
  j["foreign"] = f.foreign;
  j["classes"] = std::move(classes);
  j["lost_examples"] = std::move(examples);
  // Class names are the table's text, whatever is in it.
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

exit_code verify(const verify_plan& plan) {
  std::optional<comparison> compared;
  const auto logged = read_ack_log(
      plan.ack_log, [&](const fleet_identity& fleet) { compared.emplace(fleet); },
      [&](const ack_record& r) { compared->add(r); });
  if (!logged) return explain(logged.error());
  if (!compared) return explain(fault(fault_code::not_found, plan.ack_log + ": nothing is in it"));
  const auto stored =
      read_message_table(plan.database, [&](const table_row& row) { compared->add(row); });
  if (!stored) return explain(stored.error());
  const findings found = compared->result();
  const std::string text = plan.json ? to_json(found) + "\n" : to_table(found);
  std::fputs(text.c_str(), stdout);
  const class_findings total = found.total();
  return total.lost == 0 && total.duplicate == 0 ? exit_code::ok : exit_code::not_as_asked;
}

}  // namespace fleetgate::fleetsim
