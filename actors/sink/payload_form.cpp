#include "actors/sink/payload_form.hpp"

#include <algorithm>
#include <array>

#include "protocol/base/utf8.hpp"

namespace fleetgate::sink {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view lowercase) noexcept {
  return std::equal(a.begin(), a.end(), lowercase.begin(), lowercase.end(),
                    [](char x, char y) { return lower(x) == y; });
}

/// The media type without its parameters (RFC 9110 section 8.3.1).
std::string_view media_type(std::string_view content_type) noexcept {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return type;
}

bool is_textual(std::string_view type) noexcept {
  constexpr std::array<std::string_view, 8> known{
      "application/json",     "application/xml",  "application/yaml", "application/ndjson",
      "application/x-ndjson", "application/toml", "application/sql",  "application/javascript",
  };
  if (same(type.substr(0, 5), "text/")) return true;
  // Structured syntax suffixes (RFC 6839).
  if (type.size() > 5 && same(type.substr(type.size() - 5), "+json")) return true;
  if (type.size() > 4 && same(type.substr(type.size() - 4), "+xml")) return true;
  return std::any_of(known.begin(), known.end(), [&](auto name) { return same(type, name); });
}

}  // namespace

payload_form form_of(std::string_view content_type, byte_view payload) noexcept {
  // By far the most common, so without a search.
  const bool textual = content_type.empty() || content_type == "application/json" ||
                       is_textual(media_type(content_type));
  return textual && is_clean_utf8(as_text(payload)) ? payload_form::text : payload_form::blob;
}

}  // namespace fleetgate::sink
