#include "actors/dedup/verdict_trace.hpp"

#include <optional>

#include "actors/dedup/identity.hpp"

namespace fleetgate::dedup {
namespace {

using model::outcome;
using model::trace_event;

struct finding {
  trace_event event = trace_event::duplicate;
  std::optional<fault_code> fault;
};

/// Not appended, without an answer of its own it waits for the first one's.
finding finding_of(const model::envelope& e, std::span<const model::receipt> answers) noexcept {
  if (answers.empty()) return {};
  const model::receipt& own = answers.back();
  switch (own.result) {
    case outcome::refused:
      return {is_owed(e) ? trace_event::refused : trace_event::shed, own.fault};
    case outcome::quarantined:
      return {trace_event::duplicate, own.fault};
    case outcome::stored:
    case outcome::duplicate:
    case outcome::superseded:
    case outcome::taken_over:
    case outcome::resumed:
      break;
  }
  return {};
}

}  // namespace

void note_verdict(observe::trace_writer& trace, const model::envelope& e, bool has_ticket,
                  std::span<const model::receipt> answers, std::int64_t now_unix_ns) noexcept {
  finding found;
  switch (e.kind) {
    case model::record_kind::message:
      if (has_ticket) return;
      found = finding_of(e, answers);
      break;
    case model::record_kind::quarantined:
      found = has_ticket ? finding{trace_event::quarantined, e.fault} : finding_of(e, answers);
      break;
    case model::record_kind::release:
    case model::record_kind::session_open:
    case model::record_kind::session_close:
      return;
  }
  observe::trace_note note;
  note.event = found.event;
  note.fault = found.fault;
  note.cls = e.cls;
  note.trace = e.trace;
  note.subject = e.device.empty() ? e.client_id : e.device;
  if (e.epoch_from != model::epoch_origin::none) note.epoch = e.epoch;
  note.sequence = e.sequence;
  trace.write(note, now_unix_ns);
}

}  // namespace fleetgate::dedup
