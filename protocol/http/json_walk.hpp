// Walks JSON text that has been checked to be JSON, and hands out its parts as they stand there, so
// that a payload is kept byte for byte. Pure, allocates nothing, no recursion.
#pragma once

#include <string_view>

namespace fleetgate::http {

class json_walk {
 public:
  /// `text` is valid JSON or a part of it.
  explicit json_walk(std::string_view text) noexcept : rest_(text) {}

  /// The character that is next and no space; 0 at the end.
  char next() noexcept {
    const auto at = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(at == rest_.npos ? rest_.size() : at);
    return rest_.empty() ? '\0' : rest_.front();
  }

  /// Passes over one of `{ } [ ] : ,`, if it is next.
  bool pass(char mark) noexcept {
    if (next() != mark) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// The value that is next, as it stands there; it is passed over.
  std::string_view value() noexcept;

 private:
  std::size_t string_end(std::size_t from) const noexcept;

  std::string_view rest_;
};

}  // namespace fleetgate::http
