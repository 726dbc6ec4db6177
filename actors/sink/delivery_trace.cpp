#include "actors/sink/delivery_trace.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace fleetgate::sink {

void note_delivered(observe::trace_writer& trace, const delivery& what,
                    const contract::read_block& block, std::int64_t now_unix_ns) noexcept {
  if (!trace.is_open()) return;
  std::array<std::uint32_t, model::lane_count> records{};
  for (const auto& r : block.records) ++records[model::index(r.in)];
  observe::trace_note note;
  note.subject = what.sink;
  if (what.had_failed) {
    note.event = model::trace_event::sink_recovered;
    trace.write(note, now_unix_ns);
  }
  note.event = model::trace_event::delivered;
  note.duration_ns = what.duration_ns;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto& from = what.before.lanes[i];
    const auto& to = block.end.lanes[i];
    if (from == to) continue;
    note.in = static_cast<model::lane>(i);
    note.count = records[i];
    note.incarnation = to.incarnation;
    note.first_lsn = from.lsn + 1;
    note.last_lsn = to.lsn;
    trace.write(note, now_unix_ns);
  }
}

void note_missed(observe::trace_writer& trace, std::string_view sink, model::lane in,
                 const contract::missed_records& missed, std::int64_t now_unix_ns) noexcept {
  observe::trace_note note;
  note.event = model::trace_event::sink_missed;
  note.subject = sink;
  note.in = in;
  const auto write = [&](std::uint64_t count, fault_code why) {
    if (count == 0) return;
    note.count = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
    note.fault = why;
    trace.write(note, now_unix_ns);
  };
  write(missed.shed, fault_code::not_found);
  write(missed.damaged, fault_code::storage_damaged);
}

void note_failed(observe::trace_writer& trace, std::string_view sink, fault_code why,
                 std::int64_t now_unix_ns) noexcept {
  observe::trace_note note;
  note.event = model::trace_event::sink_failed;
  note.subject = sink;
  note.fault = why;
  trace.write(note, now_unix_ns);
}

}  // namespace fleetgate::sink
