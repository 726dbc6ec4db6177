// The grammar of JSON's scalars (RFC 8259 sections 6 and 7), for what the on-demand parser leaves
// unchecked until it is asked for. Pure, linear. UTF-8 and control characters inside strings have
// been checked before by the structural pass.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace fleetgate::parse {

/// Without JSON's white space at the end.
std::string_view trim_end(std::string_view token) noexcept;

/// A number, `true`, `false` or `null`, and nothing else.
bool is_json_scalar(std::string_view token) noexcept;

/// What stands between the quotes: every escape is right, surrogates come in pairs, no U+0000, no
/// quote that is not escaped.
bool is_json_string_body(std::string_view body) noexcept;

/// A body that is_json_string_body, with its escapes resolved; a view of `body` where there are
/// none, else of `buffer`. Nothing where it does not fit.
std::optional<std::string_view> unescape(std::string_view body, std::span<char> buffer) noexcept;

}  // namespace fleetgate::parse
