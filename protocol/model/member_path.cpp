#include "protocol/model/member_path.hpp"

#include <algorithm>

#include "protocol/base/utf8.hpp"

namespace fleetgate::model {
namespace {

/// Letters, digits, `_`, `-` and whatever is not ASCII: none of the marks that path languages use
/// for indexes, wildcards, filters and quotes, so that those are errors and not odd names.
bool is_name(std::string_view s) noexcept {
  return is_clean_utf8(s) && std::all_of(s.begin(), s.end(), [](char c) {
           const auto u = static_cast<unsigned char>(c);
           return u >= 0x80 || (u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') ||
                  (u >= 'a' && u <= 'z') || u == '_' || u == '-';
         });
}

}  // namespace

result<member_path> member_path::parse(std::string_view text) {
  if (!text.starts_with("$.")) {
    return failure(fault_code::config_invalid, "a path begins with `$.`, as in `$.seq`");
  }
  member_path path;
  for (std::size_t at = 2;;) {
    const std::size_t dot = std::min(text.find('.', at), text.size());
    const std::string_view name = text.substr(at, dot - at);
    if (name.empty()) return failure(fault_code::config_invalid, "a member's name is empty");
    if (name.size() > max_bytes) {
      return failure(fault_code::config_invalid, "a member's name has more than 64 bytes");
    }
    if (!is_name(name)) {
      return failure(fault_code::config_invalid,
                     "a member's name has letters, digits, `_` and `-` only; there are no indexes "
                     "and no wildcards");
    }
    if (path.members_.size() == max_members) {
      return failure(fault_code::config_invalid, "a path has at most 8 members");
    }
    path.members_.emplace_back(name);
    if (dot == text.size()) return path;
    at = dot + 1;
  }
}

}  // namespace fleetgate::model
