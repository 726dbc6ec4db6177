#include "deploy/fleetsim/stream_name.hpp"

#include <cstddef>

namespace fleetgate::fleetsim {
namespace {

model::traffic_class class_of(std::string_view topic) noexcept {
  for (;;) {
    const std::size_t slash = topic.rfind('/');
    const bool is_first = slash == std::string_view::npos;
    const auto cls = model::parse_traffic_class(is_first ? topic : topic.substr(slash + 1));
    if (cls) return *cls;
    if (is_first) return model::traffic_class::telemetry;
    topic = topic.substr(0, slash);
  }
}

}  // namespace

stream_name stream_of(std::string_view topic, std::string_view device) noexcept {
  constexpr std::string_view root = "devices/";
  stream_name n{topic, true, class_of(topic)};
  if (!topic.starts_with(root) || !topic.substr(root.size()).starts_with(device)) return n;
  const std::string_view rest = topic.substr(root.size() + device.size());
  if (rest.size() < 2 || rest.front() != '/') return n;
  n.stream = rest.substr(1);
  n.tells_topic = false;
  return n;
}

}  // namespace fleetgate::fleetsim
