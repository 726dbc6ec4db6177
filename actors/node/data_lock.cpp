#include "actors/node/data_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace fleetgate::node {

result<data_lock> data_lock::take(const std::string& data_dir) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  if (error) {
    return failure(fault_code::storage_io, "cannot make data_dir " + data_dir + ": " +
                                               error.message() +
                                               "; give a directory this user may write");
  }
  const std::string path = data_dir + "/lock";
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) {
    return failure(fault_code::storage_io, "cannot open " + path + ": " + std::strerror(errno) +
                                               "; give a directory this user may write");
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
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
