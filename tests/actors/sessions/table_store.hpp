// The state store as tables in memory, for the tests of actors/sessions; it fails while it is told
// to. Any thread, but `rows` only where no stage runs.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/contract/state_store.hpp"

namespace fleetgate::sessions {

class table_store final : public contract::state_store {
 public:
  result<void> apply(const std::vector<contract::state_change>& changes) override {
    if (fails) return failure(fault_code::storage_io, "as it was told to");
    std::lock_guard hold(lock_);
    for (const auto& c : changes) {
      if (c.value)
        rows[c.table][c.key] = *c.value;
      else
        rows[c.table].erase(c.key);
    }
    return {};
  }
  result<std::optional<std::string>> get(std::string_view table, std::string_view key) override {
    std::lock_guard hold(lock_);
    const auto& in = rows[std::string(table)];
    const auto found = in.find(std::string(key));
    if (found == in.end()) return std::optional<std::string>{};
    return std::optional(found->second);
  }
  result<void> scan(std::string_view table,
                    const std::function<void(std::string_view, std::string_view)>& visit) override {
    std::lock_guard hold(lock_);
    for (const auto& [key, value] : rows[std::string(table)]) visit(key, value);
    if (fails) return failure(fault_code::storage_io, "as it was told to");
    return {};
  }
  [[nodiscard]] std::size_t size(const std::string& table) {
    std::lock_guard hold(lock_);
    return rows[table].size();
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t n = 0;
    for (const auto& [name, table] : rows) n += table.size();
    return n;
  }

  std::map<std::string, std::map<std::string, std::string>> rows;
  std::atomic<bool> fails{false};

 private:
  std::mutex lock_;
};

}  // namespace fleetgate::sessions
