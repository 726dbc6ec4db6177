// What becomes of a batch when dedup takes it: what is decided and goes on to the spool, what must
// wait for room undecided, and, in need, what gives way. Used by the dedup actor on the journal's
// thread. Limit: what waits stays charged to the memory budget.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "actors/contract/append.hpp"
#include "actors/dedup/dedup.hpp"

namespace fleetgate::dedup {

enum class pressure : std::uint8_t {
  none,
  /// It waited, there is room now, and nobody waits before it.
  in_turn,
  /// The spool has no room for the class: who can only wait does, what is known is answered, all
  /// others hear it from the spool.
  no_room,
  /// Too much waits before dedup: what is owed waits here whoever sent it (QoS 2 apart), and what
  /// nobody was promised gives way.
  gives_way,
};

struct admitted {
  contract::append_request request;  // no items: nothing goes on
  std::uint64_t bytes = 0;           // of what goes on, about, on disk
  std::uint64_t messages = 0;        // marks left out, here and below
  std::uint64_t passed_on = 0;
  std::uint64_t put_aside =
      0;  // they wait in the brain's rooms for the class, and are no `messages`
};

/// Called with each envelope that is decided: whether it goes on, and the receipts it brought.
using verdict_visitor =
    std::function<void(const model::envelope&, bool goes_on, std::span<const model::receipt>)>;

admitted admit(dedup& brain, contract::envelope_batch_ptr batch, pressure how, std::uint64_t now_ns,
               std::vector<model::receipt>& receipts, const verdict_visitor& visit);

}  // namespace fleetgate::dedup
