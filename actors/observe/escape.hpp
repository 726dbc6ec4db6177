// Text from anywhere into JSON strings, logfmt values and metric labels, so that it can neither end
// the line, nor move a terminal's cursor, nor be invalid UTF-8. Pure; linear in its input.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fleetgate::observe {

/// Length of the well-formed UTF-8 sequence (RFC 3629) that `s` begins with; 0 where it does not
/// begin with one. `s` is not empty.
std::size_t utf8_sequence_length(std::string_view s) noexcept;

/// `s` as a JSON string with its quotes (RFC 8259 section 7). Control characters, DEL and C1 become
/// \u escapes; each byte of malformed UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view s);

/// `s` for a label value or help text of the Prometheus formats, without quotes: backslash, quote
/// and line feed escaped; each byte of malformed UTF-8 becomes U+FFFD.
void append_metric_text(std::string& out, std::string_view s, bool escape_quotes);

/// The longest beginning of `s` that has at most `most` bytes and does not cut a character.
std::string_view cut_at_character(std::string_view s, std::size_t most) noexcept;

}  // namespace fleetgate::observe
