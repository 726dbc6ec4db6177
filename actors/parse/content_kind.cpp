#include "actors/parse/content_kind.hpp"

#include <algorithm>

namespace fleetgate::parse {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool ends_in(std::string_view text, std::string_view suffix) noexcept {
  return text.size() > suffix.size() && same(text.substr(text.size() - suffix.size()), suffix);
}

}  // namespace

content_kind kind_of(std::string_view content_type) noexcept {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!type.empty() && is_space(type.back())) type.remove_suffix(1);
  while (!type.empty() && is_space(type.front())) type.remove_prefix(1);
  if (type.empty()) return content_kind::unknown;

  if (same(type, json_content_type) || same(type, "text/json") || ends_in(type, "+json")) {
    return content_kind::json;
  }
  if (same(type, msgpack_content_type) || same(type, "application/x-msgpack") ||
      same(type, "application/vnd.msgpack") || ends_in(type, "+msgpack")) {
    return content_kind::msgpack;
  }
  return content_kind::unknown;
}

}  // namespace fleetgate::parse
