#include "actors/node/trace_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <ostream>

#include "actors/node/config_value.hpp"
#include "protocol/model/device_time.hpp"

namespace fleetgate::node {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t ns_per_us = 1'000;
constexpr std::uint64_t longest_ago_ms = std::uint64_t{1000} * 365 * 86'400 * 10;

json text_or_null(std::string_view text) {
  return text.empty() ? json() : json(std::string(text));
}

template <class Value>
json number_or_null(const std::optional<Value>& v) {
  return v ? json(*v) : json();
}

/// From when on nothing of the newest start's ring is missing, and of how many starts there is
/// something.
std::int64_t latest(const observe::trace_timeline& found,
                    std::int64_t observe::trace_file_report::*since) {
  std::int64_t start = 0, at = 0;
  for (const auto& f : found.files) start = std::max(start, f.head.start_time_ns);
  for (const auto& f : found.files) {
    if (f.head.start_time_ns == start) at = std::max(at, f.*since);
  }
  return at;
}

std::string names_of_events() {
  std::string all;
  for (std::size_t i = 0; i < model::trace_event_count; ++i) {
    all += (i == 0 ? "" : ", ") + std::string(describe(static_cast<model::trace_event>(i)).name);
  }
  return all;
}

}  // namespace

std::optional<model::trace_id> parse_trace_id(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  // As the trace-id of W3C Trace Context, which this is.
  return model::parse_traceparent("00-" + std::string(text) + "-0000000000000001-00");
}

json microsecond_time(std::int64_t unix_ns) {
  if (unix_ns == 0) return {};
  const std::time_t seconds = unix_ns / ns_per_s;
  std::tm utc{};
  if (::gmtime_r(&seconds, &utc) == nullptr) return {};
  std::array<char, 80> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  const int more = std::snprintf(text.data() + size, text.size() - size, ".%06dZ",
                                 static_cast<int>(unix_ns % ns_per_s / ns_per_us));
  return std::string(text.data(), size + static_cast<std::size_t>(std::max(more, 0)));
}

std::optional<std::int64_t> parse_when(std::string_view text, std::int64_t now_ns) {
  if (const auto at = model::parse_rfc3339_ns(text)) return at;
  raw_value given;
  given.is = std::string(text);
  given.untyped = true;
  const auto ago_ms = read_duration(given, {0, longest_ago_ms});
  if (!ago_ms) return std::nullopt;
  const auto most = static_cast<std::uint64_t>(now_ns / ns_per_ms);
  return now_ns - static_cast<std::int64_t>(std::min(*ago_ms, most)) * ns_per_ms;
}

json positions_of(const observe::trace_note& note) {
  if (note.last_lsn == 0) return {};
  const model::position first{note.incarnation, std::min(note.first_lsn, note.last_lsn)};
  const std::string from = to_string(first);
  return first.lsn == note.last_lsn ? from : from + ".." + std::to_string(note.last_lsn);
}

json to_json(const observe::trace_line& line, const observe::trace_timeline& of) {
  const auto& record = line.record;
  const auto& note = record.note;
  const auto& entry = describe(note.event);
  const auto& head = of.files[line.file].head;
  return {{"at", microsecond_time(record.time_ns)},
          {"time_ns", record.time_ns},
          {"node", head.node},
          {"thread", head.thread},
          {"event", std::string(entry.name)},
          {"anomaly", entry.kind == model::trace_kind::anomaly},
          {"text", std::string(entry.text)},
          {"class", note.cls ? json(std::string(to_string(*note.cls))) : json()},
          {"lane", note.in ? json(std::string(to_string(*note.in))) : json()},
          {"fault", note.fault ? json(std::string(describe(*note.fault).name)) : json()},
          {"subject", text_or_null(record.subject)},
          {"epoch", number_or_null(note.epoch)},
          {"sequence", number_or_null(note.sequence)},
          {"trace_id", note.trace == model::trace_id{} ? json() : json(to_string(note.trace))},
          {"count", note.count},
          {"positions", positions_of(note)},
          {"duration_us", note.duration_ns == 0 ? json() : json(note.duration_ns / ns_per_us)}};
}

json reach_of(const observe::trace_timeline& found) {
  json files = json::array(), unread = json::array();
  for (const fault& f : found.unread) unread.push_back(f.detail);
  for (const auto& f : found.files) {
    files.push_back({{"path", f.path},
                     {"node", f.head.node},
                     {"thread", f.head.thread},
                     {"started_at", microsecond_time(f.head.start_time_ns)},
                     {"records", f.records},
                     {"unreadable", f.unreadable},
                     {"truncated", f.truncated},
                     {"anomalies_since", microsecond_time(f.anomalies_since_ns)},
                     {"ordinary_since", microsecond_time(f.ordinary_since_ns)}});
  }
  return {{"anomalies_since",
           microsecond_time(latest(found, &observe::trace_file_report::anomalies_since_ns))},
          {"ordinary_since",
           microsecond_time(latest(found, &observe::trace_file_report::ordinary_since_ns))},
          {"files", std::move(files)},
          {"foreign_files", found.foreign},
          {"unread", std::move(unread)}};
}

void tell_reach(const verb_call& call, const observe::trace_timeline& found, std::ostream& err) {
  const json reach = reach_of(found);
  err << call.words << ": of the last start anomalies are kept since "
      << cell_text({}, reach["anomalies_since"]) << ", all else since "
      << cell_text({}, reach["ordinary_since"]) << "\n";
  for (const auto& f : found.files) {
    if (f.truncated) err << harmless(f.path) << ": shorter than it was made; the rest was read\n";
    if (f.unreadable != 0) {
      err << harmless(f.path) << ": " << f.unreadable
          << " records are torn or of a newer program, and were passed over\n";
    }
  }
  for (const auto& path : found.foreign) {
    err << harmless(path) << ": no ring of the flight recorder, or of a newer program\n";
  }
  for (const fault& f : found.unread) err << "left out: " << harmless(to_string(f)) << "\n";
}

tl::expected<observe::trace_filter, exit_code> filter_of(const verb_call& call, std::int64_t now_ns,
                                                         std::ostream& err) {
  observe::trace_filter want;
  const auto refuse = [&](std::string_view option, std::string_view next) {
    complain(call,
             std::string(option) + ": \"" + std::string(call.get(option)) + "\" is not understood",
             next, err);
    return tl::unexpected(exit_code::usage);
  };
  if (const auto device = call.get("--device"); !device.empty()) want.subject = device;
  if (const auto id = call.get("--trace-id"); !id.empty()) {
    want.trace = parse_trace_id(id);
    if (!want.trace) return refuse("--trace-id", "Give its 32 hexadecimal digits.");
  }
  if (const auto name = call.get("--class"); !name.empty()) {
    for (const auto cls : model::all_traffic_classes) {
      if (to_string(cls) == name) want.cls = cls;
    }
    if (!want.cls) return refuse("--class", "One of: control, heartbeat, event, telemetry.");
  }
  if (const auto name = call.get("--event"); !name.empty()) {
    want.event = model::parse_trace_event(name);
    if (!want.event) return refuse("--event", "One of: " + names_of_events() + ".");
  }
  for (const auto& [option, bound] :
       {std::pair("--since", &want.since_ns), std::pair("--until", &want.until_ns)}) {
    const auto given = call.get(option);
    if (given.empty()) continue;
    *bound = parse_when(given, now_ns);
    if (!*bound)
      return refuse(option, "Give it as in: 2026-01-31T12:00:00Z, or 10m for so long ago.");
  }
  want.anomalies_only = !call.get("--anomalies").empty();
  return want;
}

exit_code complain_of_recording(const verb_call& call, const fault& why, std::ostream& err) {
  const bool missing = why.code == fault_code::not_found;
  complain(call, to_string(why),
           missing ? "Name [node] data_dir with --data-dir; a node with [recorder] size = \"0B\" "
                     "writes none."
                   : "See that you may read it (ls -l).",
           err);
  return missing ? exit_code::not_found : exit_code::io_error;
}

}  // namespace fleetgate::node
