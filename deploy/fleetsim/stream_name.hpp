// How a topic is said in protocols that name a stream and a class. Pure.
#pragma once

#include <string_view>

#include "protocol/model/traffic_class.hpp"

namespace fleetgate::fleetsim {

/// A topic `devices/{device}/STREAM` is the stream STREAM; any other is the stream of its own
/// name. The class is the last level that names one; telemetry where none does.
struct stream_name {
  std::string_view stream;
  bool tells_topic = false;  // the server cannot make the topic from device and stream
  model::traffic_class cls = model::traffic_class::telemetry;
};

/// Views into `topic`.
stream_name stream_of(std::string_view topic, std::string_view device) noexcept;

}  // namespace fleetgate::fleetsim
