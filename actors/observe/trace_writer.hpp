// A thread's pen in the flight recorder: notes go into two rings in a preallocated, memory-mapped
// file, which outlives the process however it ends. Owned by the stage that writes; one thread at a
// time, no lock, no allocation, no system call. Limit: the file's size, fixed when it is made; the
// oldest record of a ring is overwritten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "actors/observe/trace_file.hpp"
#include "actors/runtime/mapped_guard.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::observe {

class trace_writer {
 public:
  /// Writes nowhere: for a node whose recorder is off or could not be made.
  trace_writer() noexcept = default;
  /// Makes the file, which must not exist. Faults: storage_full, storage_io.
  static result<trace_writer> create(const std::string& path, const trace_file_head& head);

  trace_writer(trace_writer&& from) noexcept { swap(from); }
  trace_writer& operator=(trace_writer&& from) noexcept {
    swap(from);
    return *this;
  }
  ~trace_writer();

  [[nodiscard]] bool is_open() const noexcept { return map_ != nullptr; }
  /// The file was truncated, or its disk does not give it back: what is written shows nowhere.
  [[nodiscard]] bool is_lost() const noexcept { return guard_.is_lost(); }

  void write(const trace_note& note, std::int64_t now_unix_ns) noexcept;

 private:
  struct ring {
    std::byte* first = nullptr;
    std::uint64_t capacity = 0;
    std::uint64_t written = 0;
  };

  void swap(trace_writer& o) noexcept {
    std::swap(map_, o.map_);
    std::swap(bytes_, o.bytes_);
    std::swap(guard_, o.guard_);
    std::swap(anomalies_, o.anomalies_);
    std::swap(ordinary_, o.ordinary_);
  }

  std::byte* map_ = nullptr;
  std::size_t bytes_ = 0;
  runtime::mapped_guard guard_;
  ring anomalies_, ordinary_;
};

}  // namespace fleetgate::observe
