// How the flight recorder's records look to people and programs, and how they are asked for. Pure,
// but for `unix_now` and what is written to `err`. No limit of its own.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "actors/node/verb_text.hpp"
#include "actors/observe/trace_reader.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::node {

/// 32 hexadecimal digits, not all zero.
std::optional<model::trace_id> parse_trace_id(std::string_view text);

/// "2026-01-31T12:00:00.123456Z"; null where it is 0.
json microsecond_time(std::int64_t unix_ns);

/// A time as RFC 3339 has it, or how long ago it was: "10m".
std::optional<std::int64_t> parse_when(std::string_view text, std::int64_t now_ns);

/// "3-17", or "3-17..29" of a lane; null where a record has no position.
json positions_of(const observe::trace_note& note);

/// One record, with all that it says.
json to_json(const observe::trace_line& line, const observe::trace_timeline& of);

/// What of the recording was read, and from when on nothing of it is missing.
json reach_of(const observe::trace_timeline& found);
/// The same for a person, on `err`.
void tell_reach(const verb_call& call, const observe::trace_timeline& found, std::ostream& err);

/// --device, --trace-id, --class, --event, --since, --until and --anomalies; else the status to
/// exit with, and why was written to `err`.
tl::expected<observe::trace_filter, exit_code> filter_of(const verb_call& call, std::int64_t now_ns,
                                                         std::ostream& err);

/// What does not read a recording ends with.
exit_code complain_of_recording(const verb_call& call, const fault& why, std::ostream& err);

}  // namespace fleetgate::node
