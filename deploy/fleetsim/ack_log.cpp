#include "deploy/fleetsim/ack_log.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace fleetgate::fleetsim {

ack_log::ack_log(int fd, std::string path) noexcept : fd_(fd), path_(std::move(path)) {}

ack_log::ack_log(ack_log&& from) noexcept
    : fd_(std::exchange(from.fd_, -1)), path_(std::move(from.path_)) {}

ack_log::~ack_log() {
  if (fd_ >= 0) ::close(fd_);
}

tl::unexpected<fault> ack_log::failed(const char* what) const {
  return failure(fault_code::storage_io,
                 path_ + ": " + what + ": " + std::strerror(errno) +
                     "; a run without its log proves nothing: give it a place that can be written");
}

result<ack_log> ack_log::open(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_APPEND | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) {
    const int error = errno;
    return failure(fault_code::storage_io,
                   path + ": " + std::strerror(error) +
                       (error == EEXIST ? "; to go on with it: --resume-log " + path
                                        : "; name a file that may be written with --ack-log"));
  }
  ack_log log(fd, path);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return failure(fault_code::storage_io, path + ": another fleetsim writes to it; end it first");
  }
  return log;
}

result<ack_log> ack_log::create(const std::string& path, const fleet_identity& fleet) {
  auto log = open(path, O_CREAT | O_EXCL);
  if (!log) return log;
  const std::string header = encode_header(fleet);
  if (auto written = log->write(header.data(), header.size()); !written) {
    return tl::unexpected(written.error());
  }
  return log;
}

result<ack_log> ack_log::resume(const std::string& path, std::uint64_t whole_bytes) {
  auto log = open(path, 0);
  if (!log) return log;
  if (::ftruncate(log->fd_, static_cast<off_t>(whole_bytes)) != 0) return log->failed("cut back");
  return log;
}

result<void> ack_log::append(const std::vector<ack_record>& records) {
  if (records.empty()) return {};
  const std::lock_guard lock(mutex_);
  pending_.clear();
  for (const ack_record& r : records) {
    const record_bytes bytes = encode(r);
    pending_.append(bytes.data(), bytes.size());
  }
  return write(pending_.data(), pending_.size());
}

result<void> ack_log::write(const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd_, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed("cannot be written");
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace fleetgate::fleetsim
