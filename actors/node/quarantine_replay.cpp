#include "actors/node/quarantine_replay.hpp"

#include <algorithm>
#include <utility>

#include "actors/ingress/message_properties.hpp"
#include "protocol/mqtt/subscription_tree.hpp"

namespace fleetgate::node {
namespace {

constexpr std::size_t records_a_read = 256;

std::string traceparent(const model::trace_id& trace) {
  return "00-" + to_string(trace) + "-0000000000000001-01";
}

}  // namespace

contract::loose_message as_loose(const model::envelope& e) {
  contract::loose_message m;
  m.topic = e.topic;
  m.payload = as_text(e.payload);
  m.device = e.device;
  m.client_id = e.client_id;
  ingress::take_properties(std::string(e.properties), m);
  // These two the parser writes where it knows nothing better (docs/reference/topics.md).
  const bool is_made_up =
      e.content_type == "application/octet-stream" || e.content_type == "text/plain";
  if (!is_made_up && m.content_type.empty()) m.content_type = e.content_type;
  m.attributes = e.attributes;  // may have been cut
  if (e.trace != model::trace_id{}) m.traceparent = traceparent(e.trace);
  m.sequence = e.sequence;
  if (e.epoch_from == model::epoch_origin::device) m.epoch = e.epoch;
  m.device_time_ns = e.device_time_ns;
  m.received_time_ns = e.received_time_ns;
  return m;
}

bool is_wanted(const contract::quarantine_filter& which, const contract::stored_record& r) {
  const model::envelope& e = r.envelope;
  // It would pass without what it lacks: only where somebody has seen that and says so.
  const bool is_cut = e.fault == fault_code::text_too_long;
  if (is_cut && !which.only && !which.why) return false;
  return (!which.only || *which.only == r.at) &&
         (which.device.empty() || which.device == e.device) &&
         (which.topic.empty() || mqtt::filter_matches(which.topic, e.topic)) &&
         (!which.why || *which.why == e.fault);
}

/// False: there is no room for it in this call.
result<bool> quarantine_replay::choose(const contract::stored_record& r,
                                       const contract::quarantine_filter& which, chosen& into,
                                       contract::replay_report& report) {
  if (!is_wanted(which, r)) return true;
  const auto mark = marks_.of(r.at);
  if (!mark) return tl::unexpected(mark.error());
  if (*mark && !which.again) {
    ++report.passed_over;
    return true;
  }
  const std::size_t bytes = r.envelope.payload.size() + r.envelope.topic.size();
  const bool is_full = into.at.size() >= which.most || into.bytes + bytes > most_sent_bytes;
  if (is_full && !into.at.empty()) return false;
  into.at.push_back(r.at);
  into.messages.push_back(as_loose(r.envelope));
  into.bytes += bytes;
  return true;
}

result<void> quarantine_replay::look(const contract::quarantine_filter& which, chosen& into,
                                     contract::replay_report& report) {
  model::position after = which.after;
  if (which.only) after = {which.only->incarnation, which.only->lsn == 0 ? 0 : which.only->lsn - 1};
  while (true) {
    const auto block = read_(after, which.only ? 1 : records_a_read);
    if (!block) return tl::unexpected(block.error());
    if (block->records.empty()) return {};
    for (const auto& r : block->records) {
      const auto taken =
          into.looked_at == most_looked_at ? result<bool>(false) : choose(r, which, into, report);
      if (!taken) return tl::unexpected(taken.error());
      if (!*taken) {
        report.next = after;
        return {};
      }
      ++into.looked_at;
      after = r.at;
    }
    if (which.only) return {};
  }
}

result<contract::replay_report> quarantine_replay::run(const contract::quarantine_filter& which,
                                                       std::int64_t now_ns) {
  const auto oldest = read_({}, 1);
  if (!oldest) return tl::unexpected(oldest.error());
  if (!oldest->records.empty()) {
    if (auto done = marks_.prune(oldest->records.front().at); !done) {
      return tl::unexpected(done.error());
    }
  }
  contract::replay_report report;
  chosen these;
  if (auto looked = look(which, these, report); !looked) return tl::unexpected(looked.error());
  if (these.at.empty()) return report;
  if (auto done = marks_.begin(these.at, now_ns); !done) return tl::unexpected(done.error());
  const auto fates = send_(std::move(these.messages));
  for (std::size_t i = 0; i < these.at.size(); ++i) {
    report.messages.push_back(
        {these.at[i], i < fates.size() ? fates[i] : contract::message_fate{}});
  }
  if (auto done = marks_.finish(report.messages, now_ns); !done) {
    return tl::unexpected(done.error());
  }
  return report;
}

}  // namespace fleetgate::node
