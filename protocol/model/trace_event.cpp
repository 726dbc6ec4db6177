#include "protocol/model/trace_event.hpp"

namespace fleetgate::model {
namespace {

constexpr std::array<trace_event_entry, trace_event_count> events{{
#define FLEETGATE_X(id, name, kind, text) {name, trace_kind::kind, text},
    FLEETGATE_TRACE_EVENTS(FLEETGATE_X)
#undef FLEETGATE_X
}};

}  // namespace

const trace_event_entry& describe(trace_event e) noexcept {
  return events[static_cast<std::size_t>(e)];
}

std::optional<trace_event> parse_trace_event(std::string_view name) noexcept {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].name == name) return static_cast<trace_event>(i);
  }
  return std::nullopt;
}

}  // namespace fleetgate::model
