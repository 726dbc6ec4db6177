// Which spool a snapshot was taken of. One that was taken of a spool that is gone says "stored" of
// messages that nobody has any more: whoever sent them again would be told that they are safe.
// Start-up only, on the thread that starts. Limit: the keys of one table in memory.
#pragma once

#include <optional>
#include <string_view>

#include "actors/contract/state_store.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::dedup {

inline constexpr std::string_view meta_table_name = "dedup_meta";
inline constexpr std::string_view covered_key = "covered_lsn";

/// `there`: the spool that lies beside it; nothing: none. A snapshot that names no spool is taken
/// for that one's. Faults: those of the store.
result<bool> is_foreign(contract::state_store& store,
                        const std::optional<model::spool_uuid>& there);

/// Removes what is known of messages, also which of them were replayed; sessions stay. False: it
/// was nothing. Faults: those of the store; what is left is removed by the next start.
result<bool> remove_messages(contract::state_store& store);

/// From now on it is of this spool.
result<void> claim(contract::state_store& store, const model::spool_uuid& spool);

}  // namespace fleetgate::dedup
