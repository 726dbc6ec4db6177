// The node's small durable facts in <data_dir>/state.db (docs/reference/sqlite.md). Any thread, but
// blocking. Reading never waits for a writer's disk: it has a connection of its own. One node owns
// the file; where it is moved, removed or replaced, nothing more is called stored. Limit: what is
// put into it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "actors/contract/state_store.hpp"
#include "actors/sqlite/database.hpp"
#include "actors/sqlite/file_watch.hpp"

namespace fleetgate::state {

class sqlite_state_store final : public contract::state_store {
 public:
  /// Faults: storage_io (also: cannot be opened, locked by somebody else), storage_full,
  /// storage_damaged, config_invalid (another program's file, or a newer schema).
  /// `vfs`: sqlite::open_options::vfs.
  static result<std::unique_ptr<sqlite_state_store>> open(const std::string& data_dir,
                                                          const std::string& vfs = {});
  ~sqlite_state_store() override;

  /// Fault: storage_io where the file is no longer the one that was opened.
  [[nodiscard]] result<void> check_in_place() const;

  result<void> apply(const std::vector<contract::state_change>& changes) override;
  result<std::optional<std::string>> get(std::string_view table, std::string_view key) override;
  /// `visit` must not call this store.
  result<void> scan(std::string_view table,
                    const std::function<void(std::string_view, std::string_view)>& visit) override;

 private:
  struct writing {
    std::mutex lock;
    sqlite::database db;
    sqlite::statement put;
    sqlite::statement remove;
  };
  struct reading {
    std::mutex lock;
    sqlite::database db;
    sqlite::statement get;
    sqlite::statement scan;
  };

  sqlite_state_store() = default;
  result<void> prepare_writing(const std::string& path, const std::string& vfs);
  result<void> prepare_reading(const std::string& path, const std::string& vfs);

  writing write_;
  reading read_;
  std::optional<sqlite::file_watch> files_;  // once all is open
};

}  // namespace fleetgate::state
