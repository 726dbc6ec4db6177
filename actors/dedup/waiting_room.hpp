// What dedup took of a class and there is no room for: undecided, in the order of arrival, each
// message once. Owned by the dedup brain, on the journal's thread. Limit: the memory budget, which
// what waits stays charged to.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "actors/contract/envelope_batch.hpp"

namespace fleetgate::dedup {

class waiting_room {
 public:
  [[nodiscard]] bool empty() const noexcept { return batches_.empty(); }
  /// Marks left out.
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }

  /// A copy of `e`, of batch `from`, with its part of the charge.
  void put(contract::envelope_batch& from, const model::envelope& e);
  /// The same for what was just taken and must wait on: before all others. The first of a batch
  /// begins anew.
  void put_back(contract::envelope_batch& from, const model::envelope& e, bool is_first);

  /// The same message, sent by the same client over another connection; null: it does not wait.
  [[nodiscard]] model::envelope* find_resent(const model::envelope& e);

  [[nodiscard]] const contract::envelope_batch& front() const { return *batches_.front(); }
  contract::envelope_batch_ptr take();

 private:
  void put_into(contract::envelope_batch& batch, contract::envelope_batch& from,
                const model::envelope& e);
  struct place {
    contract::envelope_batch* batch = nullptr;
    std::size_t index = 0;
  };

  std::deque<contract::envelope_batch_ptr> batches_;
  std::unordered_multimap<std::uint64_t, place> places_;  // by a hash of what makes it the same
  std::uint64_t messages_ = 0;
};

/// Of one class. What is of level committed waits in the second: it may have to wait for a sink
/// while all else goes on.
using class_rooms = std::array<waiting_room, 2>;

}  // namespace fleetgate::dedup
