#include "actors/ingress/message_properties.hpp"

#include <utility>

namespace fleetgate::ingress {
namespace {

void take_user_property(const mqtt::property& said, message_properties& into,
                        attributes_builder& attributes) {
  if (said.text == "seq") {
    into.user_seq = said.value;
  } else if (said.text == "epoch") {
    into.user_epoch = said.value;
  } else if (said.text == "traceparent") {
    into.traceparent = said.value;
  } else {
    attributes.add(said.text, said.value);
  }
}

}  // namespace

message_properties read_properties(mqtt::properties::iterator at, attributes_builder& attributes) {
  attributes.clear();
  message_properties read;
  for (; at != mqtt::properties::end(); ++at) {
    switch (at->id) {
      case mqtt::property_id::payload_format_indicator:
        read.payload_is_utf8 = at->number == 1;
        break;
      case mqtt::property_id::content_type:
        read.content_type = at->text;
        break;
      case mqtt::property_id::user_property:
        take_user_property(*at, read, attributes);
        break;
      default:  // on their way as they are, with the other properties
        break;
    }
  }
  return read;
}

void take_properties(std::string properties, contract::loose_message& m) {
  attributes_builder attributes;
  const auto said = read_properties(mqtt::properties::iterator(as_bytes(properties)), attributes);
  m.payload_is_utf8 = said.payload_is_utf8;
  m.content_type = said.content_type;
  m.user_seq = said.user_seq;
  m.user_epoch = said.user_epoch;
  m.traceparent = said.traceparent;
  m.attributes = attributes.finish();
  m.properties = std::move(properties);
}

}  // namespace fleetgate::ingress
