#include "actors/ingress/attributes.hpp"

#include <algorithm>
#include <cstdio>

namespace fleetgate::ingress {

std::string_view attributes_builder::finish() {
  text_.clear();
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const auto same_key = [&](const auto& p) { return p.first == pairs_[i].first; };
    const auto here = pairs_.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find_if(pairs_.begin(), here, same_key) != here) continue;
    text_.push_back(text_.empty() ? '{' : ',');
    append_quoted(pairs_[i].first);
    text_.push_back(':');
    append_values_of(i);
  }
  if (!text_.empty()) text_.push_back('}');
  return text_;
}

void attributes_builder::append_values_of(std::size_t first) {
  const auto key = pairs_[first].first;
  const auto count =
      std::count_if(pairs_.begin(), pairs_.end(), [&](const auto& p) { return p.first == key; });
  if (count == 1) return append_quoted(pairs_[first].second);
  char separator = '[';
  for (const auto& [k, v] : pairs_) {
    if (k != key) continue;
    text_.push_back(std::exchange(separator, ','));
    append_quoted(v);
  }
  text_.push_back(']');
}

void attributes_builder::append_quoted(std::string_view s) {
  text_.push_back('"');
  for (const char c : s) {
    if (c == '"' || c == '\\') {
      text_.push_back('\\');
      text_.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      text_.append(escaped);
    } else {
      text_.push_back(c);
    }
  }
  text_.push_back('"');
}

}  // namespace fleetgate::ingress
