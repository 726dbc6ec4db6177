#include "actors/observe/trace_writer.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "actors/runtime/descriptor.hpp"

namespace fleetgate::observe {
namespace {

tl::unexpected<fault> os_fault(const std::string& path, const char* what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return failure(full ? fault_code::storage_full : fault_code::storage_io,
                 path + ": " + what + ": " + std::strerror(error));
}

}  // namespace

result<trace_writer> trace_writer::create(const std::string& path, const trace_file_head& head) {
  // To be read alone: who opened it for writing could truncate it, and take away what is noted.
  const runtime::descriptor file(::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0440));
  if (!file.is_open()) return os_fault(path, "open", errno);
  const std::uint64_t bytes = head.file_bytes();
  // All blocks now: a write to a mapping for which the disk has no room would kill the process.
  const int refused = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  if (refused != 0) {
    ::unlink(path.c_str());
    return os_fault(path, "reserve", refused);
  }
  // Populated: no first touch of a page on a message's road.
  void* const map =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.get(), 0);
  if (map == MAP_FAILED) {
    const int error = errno;
    ::unlink(path.c_str());
    return os_fault(path, "map", error);
  }
  trace_writer made;
  made.map_ = static_cast<std::byte*>(map);
  made.bytes_ = bytes;
  made.guard_ = runtime::mapped_guard(map, bytes);
  const auto image = encode_trace_head(head);
  std::memcpy(made.map_, image.data(), image.size());
  made.anomalies_ = {made.map_ + trace_head_bytes, head.anomalies, 0};
  made.ordinary_ = {made.anomalies_.first + head.anomalies * trace_record_bytes, head.ordinary, 0};
  return made;
}

trace_writer::~trace_writer() {
  guard_ = {};
  if (map_ != nullptr) ::munmap(map_, bytes_);
}

void trace_writer::write(const trace_note& note, std::int64_t now_unix_ns) noexcept {
  const bool is_anomaly = model::describe(note.event).kind == model::trace_kind::anomaly;
  ring& to = is_anomaly ? anomalies_ : ordinary_;
  if (to.capacity == 0) return;
  std::byte* const slot = to.first + to.written % to.capacity * trace_record_bytes;
  const auto image = encode_trace_record(note, ++to.written, now_unix_ns);
  // Its number, which lies first, comes last; what is torn all the same fails its checksum.
  constexpr std::size_t number_bytes = sizeof to.written;
  std::memset(slot, 0, number_bytes);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(slot + number_bytes, image.data() + number_bytes, image.size() - number_bytes);
  std::atomic_thread_fence(std::memory_order_release);
  std::memcpy(slot, image.data(), number_bytes);
}

}  // namespace fleetgate::observe
