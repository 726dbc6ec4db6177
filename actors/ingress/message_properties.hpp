// What MQTT 5 says about an application message besides its payload, sorted by who wants it: three
// user properties are fleetgate's own (docs/reference/topics.md), the others become attributes.
#pragma once

#include <string>
#include <string_view>

#include "actors/contract/loose_message.hpp"
#include "actors/ingress/attributes.hpp"
#include "protocol/mqtt/properties.hpp"

namespace fleetgate::ingress {

/// All views lie in the properties that were read; "" where one is absent.
struct message_properties {
  bool payload_is_utf8 = false;  // the sender says so
  std::string_view content_type;
  std::string_view user_seq, user_epoch;
  std::string_view traceparent;
};

/// Reads from `at` to the end. `attributes` gets the user properties that are not fleetgate's own,
/// borrowed; what it had before is gone.
message_properties read_properties(mqtt::properties::iterator at, attributes_builder& attributes);

/// Sets all that MQTT 5 properties say about a message; `properties` as append_kept_properties
/// writes them.
void take_properties(std::string properties, contract::loose_message& m);

}  // namespace fleetgate::ingress
