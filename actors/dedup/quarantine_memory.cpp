#include "actors/dedup/quarantine_memory.hpp"

#include <algorithm>
#include <utility>

namespace fleetgate::dedup {

quarantine_entry* quarantine_memory::find(std::string_view key) noexcept {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : found->second.get();
}

quarantine_entry* quarantine_memory::add(std::string_view key, fault_code why) {
  if (entries_.size() >= limits_.quarantine_entries) {
    if (order_.empty()) return nullptr;
    dirty_.push_back(order_.front());
    entries_.erase(entries_.find(std::string_view(order_.front())));
    order_.pop_front();
  }
  auto entry = std::make_unique<quarantine_entry>();
  entry->key = key;
  entry->fault = why;
  return entries_.emplace(std::string(key), std::move(entry)).first->second.get();
}

void quarantine_memory::settled(quarantine_entry& entry) {
  entry.slot = no_slot;
  entry.settled = true;
  order_.push_back(entry.key);
  dirty_.push_back(entry.key);
}

void quarantine_memory::refused(quarantine_entry& entry) {
  entries_.erase(entries_.find(std::string_view(entry.key)));
}

std::size_t quarantine_memory::save(std::vector<contract::state_change>& changes,
                                    std::size_t most_entries) {
  const std::size_t count = std::min(most_entries, dirty_.size());
  for (std::size_t i = 0; i < count; ++i) {
    std::optional<std::string> value;
    if (const auto* const entry = find(dirty_[i])) {
      value.emplace(describe(entry->fault).name);
    }
    changes.push_back({std::string(quarantine_table_name), dirty_[i], std::move(value)});
    in_flight_.push_back(std::move(dirty_[i]));
  }
  dirty_.erase(dirty_.begin(), dirty_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

void quarantine_memory::saved(bool ok) {
  if (!ok) dirty_.insert(dirty_.end(), in_flight_.begin(), in_flight_.end());
  in_flight_.clear();
}

bool quarantine_memory::restore(std::string_view key, std::string_view value) {
  for (std::size_t code = 0; code < fault_count; ++code) {
    const auto why = static_cast<fault_code>(code);
    if (describe(why).name != value) continue;
    quarantine_entry* const entry = find(key) == nullptr ? add(key, why) : nullptr;
    if (entry == nullptr) return true;
    entry->settled = true;
    order_.push_back(entry->key);
    return true;
  }
  return false;
}

}  // namespace fleetgate::dedup
