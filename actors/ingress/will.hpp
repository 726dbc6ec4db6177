// A will that is due, brought on the road of the device's own messages. On the shard's thread.
#pragma once

#include "actors/contract/subscriber.hpp"
#include "actors/ingress/shard.hpp"

namespace fleetgate::ingress {

/// Posts it to the parser, without anybody to answer to. False: there is no room now.
bool post_will(shard& owner, const contract::due_will& will);

}  // namespace fleetgate::ingress
