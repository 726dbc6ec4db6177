// What the flight recorder is told of a sink: each batch that it committed, one record a lane, what
// it missed, and each failure. Used by the sink actor, on its thread. No limit of its own.
#pragma once

#include <cstdint>
#include <string_view>

#include "actors/contract/reader_account.hpp"
#include "actors/observe/trace_writer.hpp"

namespace fleetgate::sink {

struct delivery {
  std::string_view sink;
  const contract::cursor& before;  // how far it had come
  bool had_failed = false;         // since the last one
  std::uint64_t duration_ns = 0;
};

void note_delivered(observe::trace_writer& trace, const delivery& what,
                    const contract::read_block& block, std::int64_t now_unix_ns) noexcept;

/// One record for what was gone (not_found), one for what was damaged (storage_damaged).
void note_missed(observe::trace_writer& trace, std::string_view sink, model::lane in,
                 const contract::missed_records& missed, std::int64_t now_unix_ns) noexcept;

void note_failed(observe::trace_writer& trace, std::string_view sink, fault_code why,
                 std::int64_t now_unix_ns) noexcept;

}  // namespace fleetgate::sink
