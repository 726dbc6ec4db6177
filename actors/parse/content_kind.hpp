// What a content type (MIME, RFC 6838) says about how a payload is encoded. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace fleetgate::parse {

enum class content_kind : std::uint8_t { unknown, json, msgpack };

inline constexpr std::string_view json_content_type = "application/json";
inline constexpr std::string_view msgpack_content_type = "application/msgpack";
inline constexpr std::string_view raw_content_type = "application/octet-stream";
inline constexpr std::string_view text_content_type = "text/plain";

/// `application/json`, `text/json`, anything with `+json`; `application/msgpack`, `x-msgpack`,
/// `vnd.msgpack`, anything with `+msgpack`. Case and parameters do not matter.
content_kind kind_of(std::string_view content_type) noexcept;

}  // namespace fleetgate::parse
