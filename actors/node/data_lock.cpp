#include "actors/node/data_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace fleetgate::node {

namespace {

fault denied(const std::string& what, int error) {
  const std::string why = "cannot " + what + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) return fault(fault_code::storage_full, why);
  const bool is_forbidden = error == EACCES || error == EPERM || error == EROFS;
  return fault(is_forbidden ? fault_code::not_authorized : fault_code::storage_io,
               why + "; give a directory this user may write");
}

}  // namespace

result<data_lock> data_lock::take(const std::string& data_dir) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  if (error) return tl::unexpected(denied("make data_dir " + data_dir, error.value()));
  const std::string path = data_dir + "/lock";
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) return tl::unexpected(denied("open " + path, errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    ::close(fd);
    if (why != EWOULDBLOCK) return tl::unexpected(denied("lock " + path, why));
    return failure(fault_code::resource_unavailable,
                   "another fleetgate uses " + data_dir + "; stop it, or give another data_dir");
  }
  return data_lock(path, fd);
}

data_lock::data_lock(data_lock&& o) noexcept
    : path_(std::move(o.path_)), fd_(std::exchange(o.fd_, -1)) {}

data_lock::~data_lock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace fleetgate::node
