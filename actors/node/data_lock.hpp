// One process a data directory: makes the directory and holds a lock in it as long as this lives.
#pragma once

#include <string>
#include <utility>

#include "protocol/base/result.hpp"

namespace fleetgate::node {

class data_lock {
 public:
  /// Faults: resource_unavailable (another process holds it), storage_io (cannot be made).
  static result<data_lock> take(const std::string& data_dir);

  data_lock(data_lock&& o) noexcept;
  data_lock& operator=(data_lock&&) = delete;
  ~data_lock();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  data_lock(std::string path, int fd) noexcept : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
};

}  // namespace fleetgate::node
