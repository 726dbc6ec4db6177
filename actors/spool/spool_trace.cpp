#include "actors/spool/spool_trace.hpp"

#include <algorithm>
#include <utility>

#include "actors/spool/record.hpp"

namespace fleetgate::spool {
namespace {

using model::trace_event;
using observe::trace_note;

/// A commit that takes longer is worth a record of its own.
constexpr std::uint64_t slow_ns = 250'000'000;

trace_note note_of(const model::envelope& e, fault_code why) noexcept {
  trace_note note;
  note.event = model::is_owed(lane_of(e)) ? trace_event::refused : trace_event::shed;
  note.cls = e.cls;
  note.in = lane_of(e);
  note.fault = why;
  note.trace = e.trace;
  note.subject = e.device.empty() ? e.client_id : e.device;
  if (e.epoch_from != model::epoch_origin::none) note.epoch = e.epoch;
  note.sequence = e.sequence;
  return note;
}

}  // namespace

spool_trace::spool_trace(observe::trace_writer& trace, observe::trace_writer& of_node,
                         std::shared_ptr<const spool_view> view)
    : trace_(trace), of_node_(of_node), view_(std::move(view)), end_(view_->end()) {
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    ordinals_[i] = view_->durable_ordinal(static_cast<model::lane>(i));
  }
}

void spool_trace::note_refused(const contract::append_request& request,
                               std::span<const contract::settlement> settled,
                               std::int64_t now_unix_ns) {
  for (const auto& s : settled) {
    if (s.stored) continue;
    // Tickets rise in the order of the items.
    const auto item = std::lower_bound(
        request.items.begin(), request.items.end(), s.ticket,
        [](const contract::append_item& i, std::uint64_t ticket) { return i.ticket < ticket; });
    if (item == request.items.end() || item->ticket != s.ticket) continue;
    const auto& e = request.batch->envelopes[item->index];
    if (model::is_message(e.kind)) trace_.write(note_of(e, s.fault), now_unix_ns);
  }
}

void spool_trace::note_commit(std::uint64_t duration_ns, std::int64_t now_unix_ns) {
  const contract::cursor now = view_->end();
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    const std::uint64_t ordinal = view_->durable_ordinal(in);
    if (ordinal == ordinals_[i]) continue;
    trace_note note;
    note.event = trace_event::synced;
    note.in = in;
    note.count = static_cast<std::uint32_t>(ordinal - ordinals_[i]);
    note.incarnation = now.lanes[i].incarnation;
    note.first_lsn = end_.lanes[i].lsn + 1;
    note.last_lsn = now.lanes[i].lsn;
    note.duration_ns = duration_ns;
    trace_.write(note, now_unix_ns);
    ordinals_[i] = ordinal;
  }
  end_ = now;
  if (duration_ns < slow_ns) return;
  trace_note slow;
  slow.event = trace_event::slow;
  slow.duration_ns = duration_ns;
  trace_.write(slow, now_unix_ns);
}

void spool_trace::note_shed(const spool_counts& counts, std::int64_t now_unix_ns) {
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const std::uint64_t now = counts[i].shed_records;
    if (now == shed_[i]) continue;
    trace_note note;
    note.event = trace_event::spool_shed;
    note.in = static_cast<model::lane>(i);
    note.count = static_cast<std::uint32_t>(now - shed_[i]);
    trace_.write(note, now_unix_ns);
    shed_[i] = now;
  }
}

void spool_trace::note_trouble(fault_code why, std::int64_t now_unix_ns) {
  trace_note note;
  note.event = trace_event::storage_failed;
  note.fault = why;
  of_node_.write(note, now_unix_ns);
}

void spool_trace::note_recovered(std::int64_t now_unix_ns) {
  trace_note note;
  note.event = trace_event::storage_recovered;
  of_node_.write(note, now_unix_ns);
}

}  // namespace fleetgate::spool
