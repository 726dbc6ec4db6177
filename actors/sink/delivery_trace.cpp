#include "actors/sink/delivery_trace.hpp"

#include <array>

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

void note_failed(observe::trace_writer& trace, std::string_view sink, fault_code why,
                 std::int64_t now_unix_ns) noexcept {
  observe::trace_note note;
  note.event = model::trace_event::sink_failed;
  note.subject = sink;
  note.fault = why;
  trace.write(note, now_unix_ns);
}

}  // namespace fleetgate::sink
