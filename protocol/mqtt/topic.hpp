// Validity of topic names and filters (MQTT 5.0 section 4.7). Their text is checked apart, as all
// UTF-8 is. Pure; linear in the size.
#pragma once

#include <string_view>

namespace fleetgate::mqtt {

/// At least one character and no wildcard. [MQTT-4.7.3-1], [MQTT-3.3.2-2]
bool is_topic_name(std::string_view s) noexcept;

/// At least one character; `+` fills a level, `#` the last one. [MQTT-4.7.1-1], [MQTT-4.7.1-2]
/// A shared subscription's filter is judged by what follows its share name, which is at least one
/// character without wildcards. [MQTT-4.8.2-1], [MQTT-4.8.2-2]
bool is_topic_filter(std::string_view s, bool with_shares) noexcept;

/// It begins with "$share/" (section 4.8.2).
bool is_shared_filter(std::string_view s) noexcept;

}  // namespace fleetgate::mqtt
