// Messages known to be bad, by device: a device that resends one for ever has it quarantined once.
// Owned by the dedup brain; journal's thread. Limit: quarantine_entries, the oldest settled go.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/contract/state_store.hpp"
#include "actors/dedup/identity.hpp"
#include "actors/dedup/limits.hpp"
#include "actors/dedup/pending_table.hpp"

namespace fleetgate::dedup {

inline constexpr std::string_view quarantine_table_name = "dedup_quarantine";

struct quarantine_entry {
  std::string key;
  std::uint32_t slot = no_slot;  // while pending
  fault_code fault = fault_code::internal;
  bool settled = false;
};

class quarantine_memory {
 public:
  explicit quarantine_memory(const dedup_limits& limits)
      : limits_(limits), entries_(0, key_hasher{limits.hash_seed}) {}

  [[nodiscard]] quarantine_entry* find(std::string_view key) noexcept;
  /// Makes room first; nullptr where everything kept is pending.
  quarantine_entry* add(std::string_view key, fault_code why);
  void settled(quarantine_entry& entry);
  void refused(quarantine_entry& entry);

  [[nodiscard]] std::size_t dirty() const noexcept { return dirty_.size(); }
  std::size_t save(std::vector<contract::state_change>& changes, std::size_t most_entries);
  void saved(bool ok);
  bool restore(std::string_view key, std::string_view value);

 private:
  const dedup_limits& limits_;
  boost::unordered_flat_map<std::string, std::unique_ptr<quarantine_entry>, key_hasher,
                            std::equal_to<>>
      entries_;
  std::deque<std::string> order_;  // oldest first
  std::vector<std::string> dirty_;
  std::vector<std::string> in_flight_;
};

}  // namespace fleetgate::dedup
