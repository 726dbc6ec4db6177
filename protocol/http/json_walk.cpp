#include "protocol/http/json_walk.hpp"

#include <algorithm>

namespace fleetgate::http {

/// `from` is behind the opening quote; the place behind the closing one.
std::size_t json_walk::string_end(std::size_t from) const noexcept {
  while (from < rest_.size() && rest_[from] != '"') from += rest_[from] == '\\' ? 2 : 1;
  return std::min(from + 1, rest_.size());
}

std::string_view json_walk::value() noexcept {
  std::size_t end = 0;
  const char first = next();
  if (first == '"') {
    end = string_end(1);
  } else if (first == '{' || first == '[') {
    std::size_t depth = 0;
    do {
      const char c = rest_[end++];
      if (c == '"') end = string_end(end);
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
    } while (depth != 0 && end < rest_.size());
  } else {
    end = std::min(rest_.find_first_of(",]} \t\r\n"), rest_.size());
  }
  const std::string_view found = rest_.substr(0, end);
  rest_.remove_prefix(end);
  return found;
}

}  // namespace fleetgate::http
