// Reading on where a disk has places that cannot be read. Pure but for reads through
// contract::file; any thread. Limit: one read for each piece of 4 KiB, and a few to see whether
// there is a disk at all.
#pragma once

#include <cstdint>
#include <span>

#include "actors/contract/file_layer.hpp"

namespace fleetgate::spool {

/// As file.read_at; but where that fails with storage_io, what cannot be read counts as zeroes, in
/// pieces of 4 KiB, and the checksums find what it has damaged. Faults: storage_io where nothing
/// behind `offset` can be read, as far as a few places tell: the disk may be gone, and to take
/// what lies there for damaged would lose it for whoever reads on.
result<std::size_t> read_around(contract::file& file, std::uint64_t offset,
                                std::span<std::byte> into);

}  // namespace fleetgate::spool
