#include "actors/commands/topic.hpp"

namespace fleetgate::commands {

std::string command_topic(std::string_view pattern, const contract::command& c) {
  std::string topic;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    const auto close = pattern.find('}', open);
    if (close == std::string_view::npos) break;
    topic.append(pattern.substr(0, open));
    const auto what = pattern.substr(open + 1, close - open - 1);
    topic.append(what == "device" ? c.request.device : what == "command" ? c.id : c.request.name);
    pattern.remove_prefix(close + 1);
  }
  return topic.append(pattern);
}

}  // namespace fleetgate::commands
