// What the flight recorder is told at the door: connections that come and go, and messages that
// were not taken from them. Used by the shard's actors, on its thread. No limit of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/ingress/shard.hpp"

namespace fleetgate::ingress {

void note_opened(shard& at, std::string_view client_id) noexcept;

/// `why`: nothing where the client said goodbye. `client_id` is "" where it came to none.
void note_closed(shard& at, std::string_view client_id, bool was_accepted,
                 std::optional<fault_code> why) noexcept;

/// A message that its connection did not hand on.
struct untaken {
  model::traffic_class cls = model::traffic_class::telemetry;
  fault_code why = fault_code::internal;
  std::string_view device;
  std::optional<std::uint64_t> epoch{};
  std::optional<std::uint64_t> sequence{};
};

void note_shed(shard& at, const untaken& what) noexcept;
void note_sent_back(shard& at, const untaken& what) noexcept;

}  // namespace fleetgate::ingress
