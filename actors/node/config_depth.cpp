#include "actors/node/config_depth.hpp"

namespace fleetgate::node {
namespace {

/// Behind the string that begins at `at`; of one that does not end, where the parser gives up.
std::size_t behind_string(std::string_view text, std::size_t at) noexcept {
  const char quote = text[at];
  const bool escapes = quote == '"';
  const std::string_view three = escapes ? R"(""")" : "'''";
  const bool many_lines = text.substr(at, 3) == three;
  at += many_lines ? 3 : 1;
  for (; at < text.size(); ++at) {
    if (escapes && text[at] == '\\') {
      ++at;
    } else if (!many_lines && (text[at] == quote || text[at] == '\n')) {
      return text[at] == quote ? at + 1 : at;
    } else if (many_lines && text.substr(at, 3) == three) {
      at += 3;
      // Up to two quotes more belong to the string.
      for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more) ++at;
      return at;
    }
  }
  return text.size();
}

}  // namespace

std::optional<text_position> first_dot_too_many(std::string_view text) noexcept {
  std::uint32_t line = 1;
  std::size_t begin_of_line = 0, dots = 0;
  const auto next_line = [&](std::size_t begin) {
    ++line;
    begin_of_line = begin;
    dots = 0;
  };
  for (std::size_t at = 0; at < text.size();) {
    switch (text[at]) {
      case '\n':
        next_line(++at);
        break;
      case '#':
        while (at < text.size() && text[at] != '\n') ++at;
        break;
      case '"':
      case '\'':
        for (const std::size_t end = behind_string(text, at); at < end; ++at) {
          if (text[at] == '\n') next_line(at + 1);
        }
        break;
      case '.':
        if (++dots > most_dots_in_line) {
          return text_position{line, static_cast<std::uint32_t>(at - begin_of_line + 1)};
        }
        ++at;
        break;
      default:
        ++at;
        break;
    }
  }
  return std::nullopt;
}

}  // namespace fleetgate::node
