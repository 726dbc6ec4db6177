// What an SQLite result code means to fleetgate. Pure; shared by everything that keeps an SQLite
// file.
#pragma once

#include "protocol/base/fault.hpp"

namespace fleetgate::sqlite {

/// The fault for `code`, an SQLite result code, primary or extended. `unavailable` is what "not
/// now" means to the owner of the file (locked by somebody else, cannot be opened, read-only):
/// sink_unavailable for a sink, storage_io for the node's own state (there, locked is
/// storage_busy).
///
/// full -> storage_full; I/O -> storage_io; corrupt, not a database -> storage_damaged; the file
/// was moved or replaced -> sink_lost; a constraint, a wrong type, too big, an error in the
/// statement -> sink_rejected.
fault_code fault_code_of(int code, fault_code unavailable) noexcept;

}  // namespace fleetgate::sqlite
