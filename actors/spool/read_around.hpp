// Reading on where a disk has places that cannot be read. Pure but for reads through
// contract::file; any thread. Limit: one read for each block, and a few to see whether there is a
// disk at all.
#pragma once

#include <cstdint>
#include <set>
#include <span>

#include "actors/contract/file_layer.hpp"

namespace fleetgate::spool {

/// Pages and the blocks of most file systems are not smaller.
inline constexpr std::size_t block_bytes = 4096;
/// How many places tell whether there is a disk at all.
inline constexpr std::uint64_t probed_places = 16;

/// Blocks of one file by their number.
using block_set = std::set<std::uint64_t>;

/// Block by block, up to the end of the file: of a block that cannot be read the bytes are zeroes,
/// and it joins `unread`. Faults: storage_io where the file has no size.
result<std::size_t> read_blocks(contract::file& file, std::uint64_t offset,
                                std::span<std::byte> into, block_set& unread);

/// As file.read_at; but where that fails with storage_io, as read_blocks, and the checksums find
/// what that has damaged. Faults: storage_io where nothing behind `offset` can be read, as far as
/// a few places tell. `unread` is complete after a fault, too.
result<std::size_t> read_around(contract::file& file, std::uint64_t offset,
                                std::span<std::byte> into, block_set& unread);

}  // namespace fleetgate::spool
