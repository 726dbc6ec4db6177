// Whether the accounts of a node balance: what the stages counted beside each other, and beside
// what lies in the spool's files. Pure. Neither side of an equation is derived from the other.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "actors/accounts/page.hpp"

namespace fleetgate::accounts {

struct term {
  std::string name;
  std::uint64_t value = 0;
};

/// The sum of `left` is the sum of `right`.
struct equation {
  std::string name;
  std::vector<term> left, right;

  /// left - right
  [[nodiscard]] std::int64_t difference() const noexcept;
  [[nodiscard]] bool balanced() const noexcept { return difference() == 0; }
};

/// What was counted again in one lane's files, of its records up to the durable one (`journal.
/// durable`), and the highest ordinal there is.
struct lane_files {
  std::uint64_t gone = 0, intact = 0, damaged = 0, last = 0;
};
using spool_files = std::array<lane_files, model::lane_count>;

/// `s` was read before the files were; `last_later`: each lane's last ordinal as the page said it
/// after that. In the order of the road; all that there are, balanced or not.
std::vector<equation> audit(const statement& s, const spool_files& files,
                            const contract::count_by_lane& last_later);

[[nodiscard]] bool balanced(const std::vector<equation>& all) noexcept;

}  // namespace fleetgate::accounts
