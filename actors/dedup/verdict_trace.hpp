// What the flight recorder is told of dedup's verdicts: of one message only where it was not simply
// taken. Used by the dedup actor, on its thread. No limit of its own.
#pragma once

#include <cstdint>
#include <span>

#include "actors/observe/trace_writer.hpp"
#include "protocol/model/envelope.hpp"
#include "protocol/model/receipt.hpp"

namespace fleetgate::dedup {

/// `e` was decided: `has_ticket` where it is to be appended; `answers` are the receipts that this
/// brought at once, its own last.
void note_verdict(observe::trace_writer& trace, const model::envelope& e, bool has_ticket,
                  std::span<const model::receipt> answers, std::int64_t now_unix_ns) noexcept;

}  // namespace fleetgate::dedup
