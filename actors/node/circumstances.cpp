#include "actors/node/circumstances.hpp"

#include <algorithm>
#include <utility>

namespace fleetgate::node {
namespace {

using model::trace_event;

std::string name_of(trace_event event) {
  return std::string(describe(event).name);
}

}  // namespace

circumstances::circumstances(const sink::message_name& wanted)
    : has_device_(!wanted.by_trace()), device_hash_(observe::trace_subject_hash(wanted.device)) {}

void circumstances::add(const observe::trace_record& r) {
  const observe::trace_note& n = r.note;
  const bool of_device = has_device_ && r.subject_hash == device_hash_;
  switch (n.event) {
    case trace_event::started:
      return befell(turn::started, r);
    case trace_event::drained:
      return befell(turn::drained, r);
    case trace_event::storage_failed:
    case trace_event::sink_failed:
      return befell(turn::failed, r);
    case trace_event::storage_recovered:
    case trace_event::sink_recovered:
      return befell(turn::recovered, r);
    case trace_event::shed:
      if (of_device && !n.sequence) {
        add_up(r, "messages of this device were given up before anybody had read their sequences");
      }
      return;
    case trace_event::connection_rejected:
      if (of_device) add_up(r, "the client of this name was refused");
      return;
    case trace_event::connection_lost:
      if (of_device) {
        add_up(r, "the client of this name lost its connection, with what was not acknowledged");
      }
      return;
    case trace_event::spool_shed:
      if (n.in && *n.in != model::lane::quarantine) {
        add_up(r, "the oldest records of " + std::string(to_string(*n.in)) +
                      " gave way for want of room");
      }
      return;
    case trace_event::sink_missed:
      if (n.in) {
        add_up(r, "records of " + std::string(to_string(*n.in)) +
                      " were gone or damaged before sink " + r.subject + " had read them");
      }
      return;
    case trace_event::synced:
    case trace_event::delivered:
    case trace_event::connected:
    case trace_event::disconnected:
    case trace_event::refused:
    case trace_event::quarantined:
    case trace_event::duplicate:
    case trace_event::sent_back:
    case trace_event::slow:
    case trace_event::actor_ended:
    case trace_event::actor_restarted:
    case trace_event::escalated:
      return;
  }
}

void circumstances::befell(turn what, const observe::trace_record& r) {
  const bool of_sink =
      r.note.event == trace_event::sink_failed || r.note.event == trace_event::sink_recovered;
  of_node_.push_back({r.time_ns, what, of_sink ? r.subject : std::string(), r.note.fault});
}

/// One circumstance for all records of a kind: there may be many.
void circumstances::add_up(const observe::trace_record& r, std::string what) {
  const auto same = std::find_if(sums_.begin(), sums_.end(), [&](const circumstance& c) {
    return c.fault == r.note.fault && c.what == what;
  });
  if (same == sums_.end()) {
    sums_.push_back(
        {std::move(what), name_of(r.note.event), r.note.fault, r.note.count, r.time_ns, r.time_ns});
    return;
  }
  same->count += r.note.count;
  same->since_ns = std::min(same->since_ns, r.time_ns);
  same->until_ns = std::max(same->until_ns, r.time_ns);
}

std::vector<circumstances::moment> circumstances::in_order() const {
  auto all = of_node_;
  std::stable_sort(all.begin(), all.end(),
                   [](const moment& a, const moment& b) { return a.time_ns < b.time_ns; });
  return all;
}

/// A failure lasts until the recovery of what failed, or until the node starts again.
std::vector<circumstance> circumstances::failures() const {
  std::vector<circumstance> all;
  std::vector<std::pair<std::string, std::size_t>> lasting;  // of what, index into all
  const auto end = [&](const moment& m, auto&& which) {
    for (const auto& l : lasting) {
      if (which(l)) all[l.second].until_ns = m.time_ns;
    }
    std::erase_if(lasting, which);
  };
  for (const moment& m : in_order()) {
    const auto same = [&](const auto& l) { return l.first == m.of; };
    switch (m.is) {
      case turn::started:
        end(m, [](const auto&) { return true; });
        break;
      case turn::drained:
        break;
      case turn::recovered:
        end(m, same);
        break;
      case turn::failed:
        if (const auto l = std::find_if(lasting.begin(), lasting.end(), same); l != lasting.end()) {
          ++all[l->second].count;
          break;
        }
        lasting.emplace_back(m.of, all.size());
        all.push_back(
            {m.of.empty() ? "the spool could not write" : "sink " + m.of + " failed",
             name_of(m.of.empty() ? trace_event::storage_failed : trace_event::sink_failed),
             m.fault, 1, m.time_ns, 0});
        break;
    }
  }
  return all;
}

std::vector<circumstance> circumstances::around(std::int64_t received_ns) const {
  auto all = failures();
  all.erase(std::remove_if(all.begin(), all.end(),
                           [&](const circumstance& c) {
                             return received_ns < c.since_ns ||
                                    (c.until_ns != 0 && c.until_ns < received_ns);
                           }),
            all.end());
  return all;
}

std::vector<circumstance> circumstances::possible_ends() const {
  auto all = sums_;
  for (auto& f : failures()) {
    if (f.event == name_of(trace_event::storage_failed)) all.push_back(std::move(f));
  }
  // A start that another one follows, and no node.drained between.
  std::optional<std::int64_t> started_ns;
  for (const moment& m : in_order()) {
    if (m.is != turn::started && m.is != turn::drained) continue;
    if (m.is == turn::started && started_ns) {
      all.push_back({"the node did not end as it should: what it had not acknowledged went with it",
                     name_of(trace_event::started), std::nullopt, 1, *started_ns, m.time_ns});
    }
    started_ns = m.is == turn::started ? std::optional(m.time_ns) : std::nullopt;
  }
  std::sort(all.begin(), all.end(),
            [](const circumstance& a, const circumstance& b) { return a.since_ns < b.since_ns; });
  return all;
}

}  // namespace fleetgate::node
