// The one way in for messages without a connection. On the shard's thread.
#pragma once

#include <optional>

#include "actors/contract/loose_message.hpp"
#include "actors/ingress/shard.hpp"

namespace fleetgate::ingress {

struct loose_way_in {
  std::optional<fault_code> refused;  // there is no room now
  model::ack_level level = model::ack_level::none;
};

/// Posts it to the parser. Its receipt goes to `to`, and bears `index` as its `bytes`.
loose_way_in post_loose(shard& owner, const contract::loose_message& from,
                        const model::connection_ref& to, std::uint32_t index);

/// Opens a request and posts its messages; those there is no room for are refused at once.
void take_request(shard& owner, contract::message_request request);

/// The slot of wills, above those of requests; the generation is the will's number.
inline constexpr std::uint32_t will_slot = 0xFFFF'FFFF;

/// Posts a will; one that there is no room for is answered at once.
void take_will(shard& owner, const contract::due_will& will);

/// The sessions stage hears what became of it.
void settle_will(shard& owner, std::uint64_t number, model::outcome result);

}  // namespace fleetgate::ingress
