#include "actors/dedup/snapshot_owner.hpp"

#include <string>
#include <utility>
#include <vector>

#include "actors/contract/quarantine_replay.hpp"
#include "actors/dedup/quarantine_memory.hpp"
#include "actors/dedup/window_table.hpp"

namespace fleetgate::dedup {
namespace {

constexpr std::string_view spool_key = "spool";
constexpr std::size_t rows_per_transaction = 4096;

/// How many rows it had.
result<std::size_t> clear(contract::state_store& store, std::string_view table) {
  std::vector<std::string> keys;
  auto seen =
      store.scan(table, [&](std::string_view key, std::string_view) { keys.emplace_back(key); });
  if (!seen) return tl::unexpected(std::move(seen.error()));
  std::vector<contract::state_change> changes;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    changes.push_back({std::string(table), std::move(keys[i]), std::nullopt});
    if (changes.size() < rows_per_transaction && i + 1 != keys.size()) continue;
    if (auto done = store.apply(changes); !done) return tl::unexpected(std::move(done.error()));
    changes.clear();
  }
  return keys.size();
}

}  // namespace

result<bool> is_foreign(contract::state_store& store,
                        const std::optional<model::spool_uuid>& there) {
  if (!there) return true;
  const auto named = store.get(meta_table_name, spool_key);
  if (!named) return tl::unexpected(named.error());
  return *named && **named != model::to_string(*there);
}

result<bool> remove_messages(contract::state_store& store) {
  // What it covers goes first: the rest may then be missing in part. Whose it is stays until
  // another claims it: the next start must not take what is left for that one's.
  const auto covered = store.get(meta_table_name, covered_key);
  if (!covered) return tl::unexpected(covered.error());
  std::size_t rows = *covered ? 1 : 0;
  if (*covered) {
    const auto done =
        store.apply({{std::string(meta_table_name), std::string(covered_key), std::nullopt}});
    if (!done) return tl::unexpected(done.error());
  }
  for (const auto table :
       {windows_table_name, quarantine_table_name, contract::replays_table_name}) {
    const auto cleared = clear(store, table);
    if (!cleared) return tl::unexpected(cleared.error());
    rows += *cleared;
  }
  return rows != 0;
}

result<void> claim(contract::state_store& store, const model::spool_uuid& spool) {
  const std::string name = model::to_string(spool);
  const auto named = store.get(meta_table_name, spool_key);
  if (!named) return tl::unexpected(named.error());
  if (*named == name) return {};
  return store.apply({{std::string(meta_table_name), std::string(spool_key), name}});
}

}  // namespace fleetgate::dedup
