// Where a value lies in a structured payload: `$.seq`, `$.header.boot`. Members only, no indexes.
// Made from the configuration, read on every shard, immutable. Limit: max_members of max_bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"

namespace fleetgate::model {

class member_path {
 public:
  static constexpr std::size_t max_members = 8;
  static constexpr std::size_t max_bytes = 64;  // of one member's name

  /// "$.a.b". Faults: config_invalid.
  static result<member_path> parse(std::string_view text);

  [[nodiscard]] const std::vector<std::string>& members() const noexcept { return members_; }

 private:
  std::vector<std::string> members_;
};

}  // namespace fleetgate::model
