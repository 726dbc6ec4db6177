#include "actors/ingress/connection_trace.hpp"

namespace fleetgate::ingress {
namespace {

using model::trace_event;

void note_untaken(shard& at, trace_event event, const untaken& what) noexcept {
  observe::trace_note note;
  note.event = event;
  note.cls = what.cls;
  note.fault = what.why;
  note.subject = what.device;
  note.epoch = what.epoch;
  note.sequence = what.sequence;
  at.trace.write(note, at.now.unix_ns);
}

/// Devices come and go, and whoever looks whether the port is open says nothing: all that is
/// ordinary.
trace_event ending(bool was_accepted, std::optional<fault_code> why) noexcept {
  if (!why || *why == fault_code::peer_closed || *why == fault_code::server_shutting_down) {
    return trace_event::disconnected;
  }
  return was_accepted ? trace_event::connection_lost : trace_event::connection_rejected;
}

}  // namespace

void note_opened(shard& at, std::string_view client_id) noexcept {
  observe::trace_note note;
  note.event = trace_event::connected;
  note.subject = client_id;
  at.trace.write(note, at.now.unix_ns);
}

void note_closed(shard& at, std::string_view client_id, bool was_accepted,
                 std::optional<fault_code> why) noexcept {
  observe::trace_note note;
  note.event = ending(was_accepted, why);
  note.subject = client_id;
  note.fault = why;
  at.trace.write(note, at.now.unix_ns);
}

void note_shed(shard& at, const untaken& what) noexcept {
  note_untaken(at, trace_event::shed, what);
}

void note_sent_back(shard& at, const untaken& what) noexcept {
  note_untaken(at, trace_event::sent_back, what);
}

}  // namespace fleetgate::ingress
