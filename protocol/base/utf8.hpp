// UTF-8 as MQTT and every database behind us want it (MQTT 5.0 section 1.5.4; RFC 3629).
#pragma once

#include <string_view>

namespace fleetgate {

/// True where `s` is well-formed UTF-8 with no U+0000, no surrogates, no overlong forms and
/// nothing above U+10FFFF. Linear in its size.
bool is_clean_utf8(std::string_view s) noexcept;

}  // namespace fleetgate
