#include "actors/node/explanation.hpp"

#include <algorithm>

#include "actors/node/trace_text.hpp"

namespace fleetgate::node {
namespace {

using model::trace_event;

/// In which lanes a message of which only a row is known can have lain.
bool may_lie_in(model::lane in, const message_fact& f) {
  if (f.in) return *f.in == in;
  if (in == model::lane::quarantine) return false;
  const auto cls = model::all_traffic_classes[model::index(in) % model::traffic_class_count];
  return to_string(cls) == f.cls && (f.qos != 0 || !model::is_owed(in));
}

json number_or_null(const std::optional<std::uint64_t>& v) {
  return v ? json(*v) : json();
}

json fact_json(const message_fact& f) {
  json rows = json::array();
  for (const auto& [database, id] : f.rows) rows.push_back({{"database", database}, {"id", id}});
  return {{"position", to_string(f.at)},
          {"node", f.node.empty() ? json() : json(f.node)},
          {"received_at", microsecond_time(f.received_time_ns)},
          {"device", f.device},
          {"stream", f.stream},
          {"epoch", number_or_null(f.epoch)},
          {"sequence", number_or_null(f.sequence)},
          {"trace_id", f.trace.empty() ? json() : json(f.trace)},
          {"class", f.cls},
          {"topic", f.topic},
          {"lane", f.in ? json(std::string(to_string(*f.in))) : json()},
          {"in_spool", f.in_spool},
          {"fault", f.fault ? json(std::string(describe(*f.fault).name)) : json()},
          {"rows", std::move(rows)}};
}

json statement(const message_fact& f, std::string_view what) {
  return {{"position", to_string(f.at)}, {"what", std::string(what)}};
}

json circumstance_json(const circumstance& c, const std::string& position) {
  return {{"position", position.empty() ? json() : json(position)},
          {"since", microsecond_time(c.since_ns)},
          {"until", microsecond_time(c.until_ns)},
          {"event", c.event},
          {"fault", c.fault ? json(std::string(describe(*c.fault).name)) : json()},
          {"count", c.count},
          {"what", c.what}};
}

struct moment {
  std::int64_t time_ns = 0;
  json shown;
};

}  // namespace

message_fact& explanation::fact_at(const model::position& at) {
  const auto known =
      std::find_if(facts_.begin(), facts_.end(), [&](const message_fact& f) { return f.at == at; });
  if (known != facts_.end()) return *known;
  facts_.emplace_back().at = at;
  return facts_.back();
}

void explanation::add(const contract::stored_record& record) {
  const model::envelope& e = record.envelope;
  const bool quarantined = e.kind == model::record_kind::quarantined;
  if (e.kind != model::record_kind::message && !quarantined) return;
  const bool is_wanted = wanted_.by_trace()
                             ? e.trace == wanted_.trace
                             : e.device == wanted_.device && e.sequence == wanted_.sequence;
  if (!is_wanted) return;
  message_fact& f = fact_at(record.at);
  f.in = record.in;
  f.in_spool = true;
  f.quarantined = quarantined;
  if (quarantined) f.fault = e.fault;
  f.device = e.device;
  f.stream = e.stream;
  f.topic = e.topic;
  f.cls = to_string(e.cls);
  if (e.epoch_from != model::epoch_origin::none) f.epoch = e.epoch;
  f.sequence = e.sequence;
  if (e.trace != model::trace_id{}) f.trace = to_string(e.trace);
  f.received_time_ns = e.received_time_ns;
  f.qos = e.qos;
}

void explanation::add(known_sink sink) {
  for (const auto& row : sink.found.rows) {
    message_fact& f = fact_at(row.at);
    f.rows.emplace_back(sink.database, row.id);
    f.node = row.node;
    if (f.in_spool) continue;
    f.device = row.device;
    f.stream = row.stream;
    f.topic = row.topic;
    f.cls = row.cls;
    f.epoch = row.epoch;
    f.sequence = row.sequence;
    f.trace = row.trace;
    f.received_time_ns = row.received_time_ns;
    f.qos = row.qos;
  }
  sinks_.push_back(std::move(sink));
}

/// lsns count up over all incarnations, so a later incarnation's batch may begin in an earlier one.
/// What was noted before the message came is of a spool that was there before this one.
bool explanation::holds(const observe::trace_record& noted, const message_fact& f) const noexcept {
  const observe::trace_note& group = noted.note;
  if (noted.time_ns < f.received_time_ns) return false;
  const bool of_batch = group.event == trace_event::synced || group.event == trace_event::delivered;
  if (!of_batch || !group.in || !may_lie_in(*group.in, f)) return false;
  const bool same_start = group.event == trace_event::delivered
                              ? group.incarnation >= f.at.incarnation
                              : group.incarnation == f.at.incarnation;
  return same_start && group.first_lsn <= f.at.lsn && f.at.lsn <= group.last_lsn;
}

/// A row does not tell its lane, and the lanes of a class lie between each other: what a free
/// lane's group says of a message with QoS 1 does not hold where an owed one's says it too.
bool explanation::is_contradicted(const observe::trace_record& group,
                                  const observe::trace_timeline& recording) const noexcept {
  if (!group.note.in || model::is_owed(*group.note.in)) return false;
  return std::any_of(facts_.begin(), facts_.end(), [&](const message_fact& f) {
    return !f.in && holds(group, f) &&
           std::any_of(recording.lines.begin(), recording.lines.end(), [&](const auto& l) {
             const observe::trace_note& other = l.record.note;
             return other.event == group.note.event && other.in && model::is_owed(*other.in) &&
                    holds(l.record, f);
           });
  });
}

bool explanation::concerns(const observe::trace_record& r) const {
  const auto& n = r.note;
  if (n.trace != model::trace_id{}) {
    if (n.trace == wanted_.trace) return true;
    const std::string trace = to_string(n.trace);
    if (std::any_of(facts_.begin(), facts_.end(),
                    [&](const message_fact& f) { return f.trace == trace; })) {
      return true;
    }
  }
  if (!wanted_.by_trace() && n.sequence == wanted_.sequence &&
      r.subject_hash == observe::trace_subject_hash(wanted_.device)) {
    return true;
  }
  return std::any_of(facts_.begin(), facts_.end(),
                     [&](const message_fact& f) { return holds(r, f); });
}

json explanation::standing_of(const message_fact& f,
                              const observe::trace_timeline* recording) const {
  json all = json::array();
  const auto say = [&](const std::string& what) { all.push_back(statement(f, what)); };
  const auto noted = [&](trace_event event) {
    return recording != nullptr &&
           std::any_of(recording->lines.begin(), recording->lines.end(), [&](const auto& l) {
             return l.record.note.event == event && holds(l.record, f);
           });
  };
  say(f.in_spool        ? "it lies in the spool"
      : spool_was_read_ ? "the spool has given it back: its readers had it"
                        : "whether it still lies in the spool is not known");
  if (!noted(trace_event::synced)) {
    say("when its group was synced lies beyond what the recorder keeps, or a start after a crash "
        "has made it durable");
  }
  if (f.quarantined) {
    say("it is in quarantine: no sink gets it");
    return all;
  }
  for (const auto& s : sinks_) {
    const auto row = std::find_if(f.rows.begin(), f.rows.end(),
                                  [&](const auto& r) { return r.first == s.database; });
    if (row != f.rows.end()) {
      say("delivered: row " + std::to_string(row->second) + " of " + s.database);
      continue;
    }
    if (!f.in) continue;
    for (const auto& c : s.found.cursors) {
      if (c.lane != to_string(*f.in)) continue;
      const std::string of = "sink " + c.reader + " (" + s.database + ")";
      if (c.at < f.at) {
        say(of + " has come to " + to_string(c.at) + ": it still waits");
      } else {
        say(of + " has passed it, and has no such row: retention may have removed it");
      }
    }
    if (s.found.cursors.empty()) say("a sink has taken nothing yet: " + s.database);
  }
  if (!noted(trace_event::delivered) && !f.rows.empty()) {
    say("when it was delivered lies beyond what the recorder keeps");
  }
  return all;
}

json explanation::tell(const observe::trace_timeline* recording,
                       const circumstances& around) const {
  json messages = json::array(), standing = json::array(), meanwhile = json::array();
  std::vector<moment> moments;
  for (const auto& f : facts_) {
    messages.push_back(fact_json(f));
    for (auto& s : standing_of(f, recording)) standing.push_back(std::move(s));
    for (const auto& c : around.around(f.received_time_ns)) {
      meanwhile.push_back(circumstance_json(c, to_string(f.at)));
    }
    const std::string where = f.in ? " into " + std::string(to_string(*f.in)) : std::string();
    moments.push_back({f.received_time_ns,
                       {{"at", microsecond_time(f.received_time_ns)},
                        {"what", f.quarantined ? "received, and quarantined" : "received"},
                        {"where", f.node.empty() ? json() : json(f.node)},
                        {"who", f.device},
                        {"position", to_string(f.at)},
                        {"detail", f.cls + " on " + f.topic + where}}});
  }
  if (recording != nullptr) {
    for (const auto& l : recording->lines) {
      if (is_contradicted(l.record, *recording)) continue;
      const json j = node::to_json(l, *recording);
      std::string detail = j["text"].get<std::string>();
      if (!j["fault"].is_null()) detail += ": " + j["fault"].get<std::string>();
      if (l.record.note.count > 1) detail += "; " + std::to_string(l.record.note.count) + " in it";
      if (!j["duration_us"].is_null()) detail += "; took " + j["duration_us"].dump() + " us";
      moments.push_back(
          {l.record.time_ns,
           {{"at", j["at"]},
            {"what", j["event"]},
            {"where", j["node"].get<std::string>() + " " + j["thread"].get<std::string>()},
            {"who", j["subject"]},
            {"position", j["positions"]},
            {"detail", detail}}});
    }
  }
  std::stable_sort(moments.begin(), moments.end(),
                   [](const moment& a, const moment& b) { return a.time_ns < b.time_ns; });
  json timeline = json::array();
  for (auto& m : moments) timeline.push_back(std::move(m.shown));
  json possible_ends = json::array();
  if (!is_known(recording)) {
    for (const auto& c : around.possible_ends()) possible_ends.push_back(circumstance_json(c, {}));
  } else if (facts_.empty()) {
    standing.push_back(
        {{"position", json()}, {"what", "it lies nowhere: what was noted last is how it ended"}});
  }
  return {{"messages", std::move(messages)},
          {"timeline", std::move(timeline)},
          {"standing", std::move(standing)},
          {"meanwhile", std::move(meanwhile)},
          {"possible_ends", std::move(possible_ends)}};
}

}  // namespace fleetgate::node
