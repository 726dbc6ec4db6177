// contract::file_layer on a POSIX system. Any thread; each file by one thread at a time. Limit: the
// process's open files.
#pragma once

#include "actors/contract/file_layer.hpp"

namespace fleetgate::spool {

class posix_file_layer final : public contract::file_layer {
 public:
  result<std::unique_ptr<contract::file>> create(const std::string& path) override;
  result<std::unique_ptr<contract::file>> open_for_writing(const std::string& path) override;
  result<std::unique_ptr<contract::file>> open_for_reading(const std::string& path) override;
  result<std::vector<std::string>> list(const std::string& directory) override;
  result<void> make_directory(const std::string& path) override;
  result<void> remove(const std::string& path) override;
  result<void> sync_directory(const std::string& path) override;
};

}  // namespace fleetgate::spool
