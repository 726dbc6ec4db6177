// What one reader of the spool made of each lane's records, kept where its cursor is and moved with
// it (docs/wire/accounts.md). Plain numbers; owned by whoever holds the cursor.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "actors/contract/spool_reader.hpp"

namespace fleetgate::contract {

/// Records of one lane that its reader never had and never will.
struct missed_records {
  std::uint64_t shed = 0;     // removed before it read them
  std::uint64_t damaged = 0;  // they cannot be read
  bool operator==(const missed_records&) const = default;
};

using missed_by_lane = std::array<missed_records, model::lane_count>;

/// ordinal + replayed = uncounted + delivered + filtered + shed + damaged
struct reader_lane {
  std::optional<std::uint64_t> ordinal;  // of the last record it is done with; nothing: not counted
  std::uint64_t uncounted = 0;           // records of the lane from before counting began
  std::uint64_t delivered = 0;
  std::uint64_t filtered = 0;  // quarantined messages, and marks
  std::uint64_t shed = 0;      // removed before it read them
  std::uint64_t damaged = 0;
  std::uint64_t replayed = 0;  // how far it went back, all together

  bool operator==(const reader_lane&) const = default;

  /// It is done with all up to `p.through`; `delivered_now` and `filtered_now` are of the records
  /// that it read. What is in none of the kinds is missing from their sum, and an audit finds it.
  /// Returns what it missed on the way.
  missed_records pass(lane_passage p, std::uint64_t delivered_now, std::uint64_t filtered_now) {
    if (!ordinal) uncounted = ordinal.emplace(p.began_behind.value_or(0));
    if (p.began_behind) begin(p);
    delivered += delivered_now;
    filtered += filtered_now + p.marks;
    shed += p.shed;
    damaged += p.damaged;
    ordinal = p.through;
    return {p.shed, p.damaged};
  }

  /// To behind the record `to`: a person sent it there.
  void go_back(std::uint64_t to) {
    if (!ordinal || to >= *ordinal) return;
    replayed += *ordinal - to;
    ordinal = to;
  }

 private:
  /// Brings what `p` tells from where the reader was put to what was counted before.
  void begin(lane_passage& p) {
    // The spool has lost its note of how far this lane was, and the end of it: it counts anew.
    if (p.through <= *ordinal) go_back(*p.began_behind);
    // What went while the reader stood nowhere.
    if (*p.began_behind > *ordinal) p.shed += *p.began_behind - *ordinal;
    // What it was done with and is damaged since counts once.
    std::uint64_t again = *ordinal - std::min(*p.began_behind, *ordinal);
    for (std::uint64_t* kind : {&p.damaged, &p.shed}) {
      const std::uint64_t known = std::min(*kind, again);
      *kind -= known;
      again -= known;
    }
  }
};

using reader_lanes = std::array<reader_lane, model::lane_count>;

}  // namespace fleetgate::contract
