// One record of the flight recorder, and its 128 bytes in a ring (docs/wire/recorder.md). Pure; any
// thread. Limit: 24 bytes of the subject's text are kept, its hash tells longer ones apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/base/bytes.hpp"
#include "protocol/base/fault.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/trace_event.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::observe {

inline constexpr std::size_t trace_record_bytes = 128;
inline constexpr std::size_t trace_subject_bytes = 24;

/// What a stage says; the rest of a record is the writer's.
struct trace_note {
  model::trace_event event = model::trace_event::started;
  std::optional<model::traffic_class> cls{};
  std::optional<model::lane> in{};
  std::optional<fault_code> fault{};
  model::trace_id trace{};
  std::string_view subject{};  // the device, the client, the sink
  std::optional<std::uint64_t> epoch{};
  std::optional<std::uint64_t> sequence{};
  std::uint32_t count = 1;  // of messages
  std::uint32_t incarnation = 0;
  std::uint64_t first_lsn = 0;  // with last_lsn: of a lane, both ends included; 0: no position
  std::uint64_t last_lsn = 0;
  std::uint64_t duration_ns = 0;
};

/// What was read back; `note.subject` is empty, its text is here.
struct trace_record {
  std::uint64_t number = 0;  // counts up from 1 in its ring
  std::int64_t time_ns = 0;  // Unix time
  trace_note note;
  std::string subject;  // at most its first trace_subject_bytes
  std::uint64_t subject_hash = 0;
};

/// What a record keeps of the whole subject.
std::uint64_t trace_subject_hash(std::string_view subject) noexcept;

using trace_record_image = std::array<std::byte, trace_record_bytes>;
trace_record_image encode_trace_record(const trace_note& note, std::uint64_t number,
                                       std::int64_t time_ns) noexcept;

/// Nothing where it is torn, or of a program that knows more events than this one.
std::optional<trace_record> decode_trace_record(std::span<const std::byte> bytes);

}  // namespace fleetgate::observe
