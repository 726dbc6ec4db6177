// The few file operations that durability rests on, so that tests can forget unsynced writes, tear
// them, fill the disk or fail it. Everything that spool writes goes through here. Faults:
// storage_full (ENOSPC, EDQUOT, EFBIG), storage_io (all else), not_found; each names the path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/bytes.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::contract {

class file {
 public:
  virtual ~file() = default;
  /// All bytes of `data` at `offset`, or a fault (then any part of them may have been written).
  virtual result<void> write_at(std::uint64_t offset, byte_view data) = 0;
  /// Up to `into.size()` bytes; fewer only at the end of the file.
  virtual result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;
  /// fdatasync. After a fault nothing may be believed of this file's unsynced bytes, ever.
  virtual result<void> sync() = 0;
  virtual result<void> truncate(std::uint64_t size) = 0;
  virtual result<std::uint64_t> size() = 0;
  /// Nobody is expected to read what is synced before `end` soon: no memory need hold it. Only a
  /// hint; `end` never goes down.
  virtual void forget_cached(std::uint64_t end) noexcept = 0;
  /// Whether the disk itself gives the byte at `offset` now, so that it is there. Memory forgets
  /// what it holds of that place; where it cannot, as of what is not synced: false.
  virtual bool disk_gives(std::uint64_t offset) noexcept = 0;
};

class file_layer {
 public:
  virtual ~file_layer() = default;
  virtual result<std::unique_ptr<file>> create(const std::string& path) = 0;  // must not exist
  virtual result<std::unique_ptr<file>> open_for_writing(const std::string& path) = 0;
  virtual result<std::unique_ptr<file>> open_for_reading(const std::string& path) = 0;
  virtual result<std::vector<std::string>> list(const std::string& directory) = 0;  // names, sorted
  virtual result<void> make_directory(const std::string& path) = 0;                 // and parents
  virtual result<void> remove(const std::string& path) = 0;
  /// fsync of a directory: entries created or removed in it are durable when it returns.
  virtual result<void> sync_directory(const std::string& path) = 0;
};

}  // namespace fleetgate::contract
