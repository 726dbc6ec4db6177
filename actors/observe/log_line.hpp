// One event as one line of text, as JSON or logfmt. Pure. Limit: text fields are cut at 1 KiB.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "actors/observe/log.hpp"

namespace fleetgate::observe {

inline constexpr std::size_t log_text_limit = 1024;

/// RFC 3339 in UTC with milliseconds: "2024-05-01T03:12:00.042Z".
std::string format_time(std::chrono::system_clock::time_point t);

/// Without a line feed. `format` is not `automatic`.
std::string format_line(log_format format, std::chrono::system_clock::time_point time,
                        log_level level, std::string_view event, log_fields fields);

}  // namespace fleetgate::observe
