// Who reads the spool, how far each has come, and what that allows: which records every required
// reader has, which segments nobody needs. Owned by the spool, on the journal's thread. Limit: one
// entry a configured sink or link.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/contract/spool_reader.hpp"

namespace fleetgate::spool {

struct reader_stats {
  std::string name;
  bool required = false;
  bool follows = false;
  /// Records that went before this reader had reported them done. A record that was read but not
  /// yet reported counts too; the reader's own read_block::shed is exact.
  std::uint64_t shed_records = 0;
};

class reader_registry {
 public:
  struct reader {
    reader_stats stats;
    contract::cursor at;
  };

  /// Replaces a reader of the same name.
  void put(std::string name, bool required, const contract::cursor& at);
  /// A reader that holds what it has not read, as others do, but for which alone nothing goes: it
  /// takes messages nowhere for good.
  void put_follower(std::string name, const contract::cursor& at);
  void remove(std::string_view name);
  [[nodiscard]] reader* find(std::string_view name) noexcept;
  [[nodiscard]] std::vector<reader>& all() noexcept { return readers_; }
  [[nodiscard]] const std::vector<reader>& all() const noexcept { return readers_; }

  /// True where every required reader is done with `at`; also where there is none.
  [[nodiscard]] bool required_passed(model::lane in, const model::position& at) const noexcept;
  /// How far the slowest required reader has come in each lane; the highest position where none is
  /// required.
  [[nodiscard]] std::array<model::position, model::lane_count> required_passed() const noexcept;
  /// True where there are readers that are no followers, and each of all is done with `at`.
  [[nodiscard]] bool all_passed(model::lane in, const model::position& at) const noexcept;

 private:
  std::vector<reader> readers_;
};

}  // namespace fleetgate::spool
