// What was acknowledged to whom, kept in a file of fixed 24-byte records, so that a test can
// compare it with the database after the server was killed. Owned by the load generator, one
// thread.
//
// Record, little endian: kind u8, qos u8, zero u16, device u32, value u64, Unix time in ns u64.
//   'A'  value is a sequence number that the server has taken responsibility for
//   'L'  value is how many unacknowledged messages were in flight when the connection was lost
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fleetgate::load {

struct ack_record {
  char kind = 'A';
  std::uint8_t qos = 1;
  std::uint16_t zero = 0;
  std::uint32_t device = 0;
  std::uint64_t value = 0;
  std::uint64_t unix_ns = 0;
};
static_assert(sizeof(ack_record) == 24, "the file format");

class ack_log {
 public:
  /// Appends to `path`; ends the process if it cannot, because a run without its log proves
  /// nothing.
  void open(const std::string& path) {
    fd_ = ::open(path.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644);
    if (fd_ < 0) fail(path.c_str());
  }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

  void add(const ack_record& r) {
    if (fd_ >= 0) pending_.push_back(r);
  }

  /// One write for all that was added. What has been flushed outlives this process.
  void flush() {
    const auto* from = reinterpret_cast<const char*>(pending_.data());
    std::size_t left = pending_.size() * sizeof(ack_record);
    while (left > 0) {
      const ssize_t n = ::write(fd_, from, left);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail("acknowledgement log");
      from += n;
      left -= static_cast<std::size_t>(n);
    }
    pending_.clear();
  }

 private:
  [[noreturn]] static void fail(const char* what) {
    std::perror(what);
    std::exit(74);
  }

  int fd_ = -1;
  std::vector<ack_record> pending_;
};

/// Where a device stands according to a log: the next new sequence, and those below it that were
/// never acknowledged and have to be sent again.
struct resume_point {
  std::uint64_t next_sequence = 1;
  std::vector<std::uint64_t> missing;
};

/// Reads a log that an earlier run wrote. A half-written record at its end is ignored.
inline std::map<std::uint32_t, resume_point> read_resume_points(const std::string& path,
                                                                std::uint64_t first_sequence) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    std::perror(path.c_str());
    std::exit(66);
  }
  std::map<std::uint32_t, std::set<std::uint64_t>> acknowledged;
  ack_record r;
  while (std::fread(&r, sizeof r, 1, file) == 1) {
    if (r.kind == 'A') acknowledged[r.device].insert(r.value);
  }
  std::fclose(file);
  std::map<std::uint32_t, resume_point> points;
  for (const auto& [device, sequences] : acknowledged) {
    resume_point& point = points[device];
    point.next_sequence = first_sequence;
    for (const std::uint64_t sequence : sequences) {
      for (; point.next_sequence < sequence; ++point.next_sequence) {
        point.missing.push_back(point.next_sequence);
      }
      point.next_sequence = sequence + 1;
    }
  }
  return points;
}

}  // namespace fleetgate::load
