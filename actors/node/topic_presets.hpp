// The topic rules that a configuration need not write: layouts that devices already speak. A preset
// is nothing but [[topic]] entries, tried after the user's own. None reads anything from payloads,
// and none asks for more than a durable acknowledgement. docs/reference/topics.md lists them. Pure.
#pragma once

#include <string>
#include <vector>

#include "actors/node/config.hpp"

namespace fleetgate::node {

/// The rules of `presets`, each preset once, what is particular before what is wide, and behind
/// them one that takes every topic that is left; none where there is no preset.
std::vector<topic_config> preset_topics(const std::vector<topic_preset>& presets);

/// Where MQTT clients get commands, as commands::command_topic takes it: by the presets that have a
/// topic for that, and behind them by the plain one.
std::vector<std::string> command_topics(const std::vector<topic_preset>& presets);

/// The rules of [[topic]], and behind them those of the presets.
std::vector<topic_config> topics_in_force(const config& c);

}  // namespace fleetgate::node
