// Whether a payload is stored as TEXT or as BLOB. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/base/bytes.hpp"

namespace fleetgate::sink {

enum class payload_form : std::uint8_t { text, blob };

/// TEXT where the content type is textual (JSON, text/*, XML ...) or not known, and the payload is
/// clean UTF-8 without U+0000, so that `SELECT payload` prints it, `=` compares it and json_extract
/// reads it. A content type that says binary is always a BLOB, also where its bytes happen to be
/// text: the type of a column must not depend on chance.
payload_form form_of(std::string_view content_type, byte_view payload) noexcept;

}  // namespace fleetgate::sink
